// Elements, and what a request answers.

export const find = (id) => document.getElementById(id);

/** Return a new element. Children are elements or text, which is never read as HTML. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Return the JSON that a request answers, or throw an error with the sentence to show. */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The program does not answer. Is sklearn-tl still running in the terminal?", 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error ?? response.statusText, response.status);
  return answer;
}

/** Return a share in words. Only 1 is 100 %, and only 0 is 0 %. */
export function percent(share) {
  if (share > 0.999 && share < 1) return "> 99.9 %";
  if (share < 0.001 && share > 0) return "< 0.1 %";
  const isNearAnEnd = share > 0.99 || share < 0.01;
  return `${(100 * share).toFixed(isNearAnEnd && share > 0 && share < 1 ? 1 : 0)} %`;
}

/** Return a number as the CSV has it: with six digits or more, and without an exponent. */
export function number(value) {
  const digits = Math.abs(value) >= 1e5 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 6 };
  return value.toLocaleString("en", { ...digits, useGrouping: false });
}
