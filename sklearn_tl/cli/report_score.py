"""The report of `sklearn-tl score`: the sections of a study that are about predictions."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sklearn.utils import estimator_html_repr

from sklearn_tl.cli.messages import in_report
from sklearn_tl.cli.report_page import preformatted, section, without_scripts
from sklearn_tl.cli.report_parts import left_out_section, picture_sections, write_page
from sklearn_tl.cli.report_pictures import embedding_map, pictures_of_predictions
from sklearn_tl.cli.report_predictions import sections_of_predictions
from sklearn_tl.cli.report_subject import Subject
from sklearn_tl.comparison import ModelScore
from sklearn_tl.extractor import ConvFeatureExtractor

LEAST_OF_MAP = 3  # images


def write_score_report(
    folder: Path,
    subject: Subject,
    *,
    title: str,
    said: str,
    model: Any,
    extractor: ConvFeatureExtractor | None,
    left_out: Sequence[str] = (),
) -> Path:
    """Write the report of a model, and return its page.

    Parameters
    ----------
    folder : Path
        Exists.
    subject : Subject
        The score of the model, with the images and their true values.
    title : str
    said : str
        The summary.
    model : estimator
        Fitted.
    extractor : ConvFeatureExtractor or None
        Makes the embeddings of the map. None draws no map.
    left_out : sequence of str
        One sentence about each kind of image that was not scored.

    Returns
    -------
    page : Path
        The HTML file. Its pictures and lists are in the same folder.
    """
    score = subject.results
    assert isinstance(score, ModelScore)
    sections = [section("How good the model is", preformatted(in_report(said)))]
    sections += picture_sections(_pictures(subject, score, extractor), score, folder)
    sections += sections_of_predictions(subject, folder)
    diagram = without_scripts(estimator_html_repr(model))
    sections += [left_out_section(left_out), section("The model", diagram)]
    return write_page(folder, title, sections)


def _pictures(
    subject: Subject, score: ModelScore, extractor: ConvFeatureExtractor | None
) -> Iterator[tuple[str, str, Any]]:
    images = subject.images.images
    yield from pictures_of_predictions(score, images, subject.truth)
    if extractor is not None and len(images) >= LEAST_OF_MAP:
        paths = [subject.images.name(i) for i in range(len(images))]
        yield embedding_map(score, paths, subject.truth, extractor)
