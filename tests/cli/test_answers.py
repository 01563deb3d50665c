import numpy as np
import pytest
from helpers.estimators import make, make_regressor
from helpers.pictures import study
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl.cli.answers import answers_of, number, safe
from sklearn_tl.comparison import RawPixels

X, y = study(3, 30)
LABELS = np.column_stack([y == 0, y != 1]).astype(int)


def pipeline(last, targets):
    return make_pipeline(RawPixels(), last).fit(X, targets)


def one_versus_rest():
    search = GridSearchCV(OneVsRestClassifier(LogisticRegression()), {"estimator__C": [1.0]}, cv=2)
    return pipeline(search, LABELS)


@pytest.mark.parametrize(
    ("fit", "kind", "names"),
    [
        (lambda: pipeline(LogisticRegression(), y), "classification", ["0", "1", "2"]),
        (lambda: make(None).fit(X, y), "classification", ["0", "1", "2"]),
        (one_versus_rest, "multilabel", ["label 0", "label 1"]),
        (lambda: pipeline(KNeighborsClassifier(1), LABELS), "multilabel", ["label 0", "label 1"]),
        (lambda: make(None).fit(X, LABELS), "multilabel", ["label 0", "label 1"]),
        (lambda: pipeline(LinearRegression(), y), "regression", ["prediction"]),
        (lambda: pipeline(LinearRegression(), LABELS), "regression", ["target 0", "target 1"]),
        (lambda: make_regressor(None).fit(X, y), "regression", ["prediction"]),
    ],
)
def test_the_form_of_a_model_s_answers_is_found_out(fit, kind, names):
    model = fit()
    answers = answers_of(model)
    assert (answers.kind, answers.names) == (kind, names)
    values = answers.ask(X[:4])
    assert values.shape == (4, len(names))
    predicted = np.asarray(model.predict(X[:4]))
    if kind == "classification":
        assert [answers.prediction(row) for row in values] == [str(label) for label in predicted]
    elif kind == "multilabel":
        words = [", ".join(f"label {j}" for j in np.flatnonzero(row)) for row in predicted]
        assert [answers.prediction(row) for row in values] == words
    else:
        np.testing.assert_array_equal(values, predicted.reshape(4, -1))


def test_names_of_the_targets_are_those_of_the_model():
    model = pipeline(LinearRegression(), y)
    model.target_names_ = np.array(["price"], dtype=object)
    answers = answers_of(model)
    assert answers.header(False) == ["path", "price", "error"]
    assert answers.line("a.png", np.array([1234567.8]), False) == "a.png\t1234568"
    model.target_names_ = ["=path", "path"]
    answers = answers_of(model)
    assert answers.header(False) == ["path", "'=path", "path (value)", "error"]
    with pytest.raises(ValueError, match="predicts 1 numbers per image, but has names for 2"):
        answers.ask(X[:1])


@pytest.mark.parametrize(
    ("x", "text"),
    [(3, "3"), (1234567.89, "1234568"), (1234.5678, "1234.57"), (-2e-7, "-0.0000002"), (0, "0")],
)
def test_numbers_have_six_digits_and_no_exponent(x, text):
    assert number(x) == text


@pytest.mark.parametrize("text", ["=1+1", "+a", "-a", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_spreadsheet_does_not_run_texts(text):
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "cat", "-1.5", "+3", "'=1"])
def test_texts_that_are_no_formulas_stay_as_they_are(text):
    assert safe(text) == text
