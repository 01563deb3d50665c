import numpy as np
import pytest
from helpers.estimators import make, make_regressor
from helpers.pictures import study
from scipy.sparse import csr_array, issparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl.answers import Answer, Answers, answers_of, number, safe
from sklearn_tl.comparison import RawPixels

X, y = study(3, 30)
LABELS = np.column_stack([y == 0, y != 1]).astype(int)
NUMBERS = np.column_stack([y + 1.0, 5 - y])


def pipeline(last, targets):
    return make_pipeline(RawPixels(), last).fit(X, targets)


def one_versus_rest():
    search = GridSearchCV(OneVsRestClassifier(LogisticRegression()), {"estimator__C": [1.0]}, cv=2)
    return pipeline(search, LABELS)


def search_of_pipelines():
    labels = make_pipeline(RawPixels(), OneVsRestClassifier(LogisticRegression()))
    return GridSearchCV(make_pipeline(GridSearchCV(labels, {}, cv=2)), {}, cv=2).fit(X, LABELS)


def sparse_labels():
    return pipeline(OneVsRestClassifier(LogisticRegression()), csr_array(LABELS))


def network_of_scikit_learn():  # which has no attribute that says that there are several labels
    return pipeline(MLPClassifier((4,), solver="lbfgs", random_state=0), LABELS)


def searched_ridge():
    return GridSearchCV(make_pipeline(RawPixels(), Ridge()), {}, cv=2).fit(X, NUMBERS)


def in_logarithms():
    return TransformedTargetRegressor(make_regressor(None), func=np.log, inverse_func=np.exp).fit(
        X, NUMBERS
    )


def at_a_threshold():
    model = make_pipeline(RawPixels(), LogisticRegression(C=1e-6))
    return FixedThresholdClassifier(model, threshold=0.9).fit(X, y > 0)


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
        (search_of_pipelines, "multilabel", ["label 0", "label 1"]),
        (sparse_labels, "multilabel", ["label 0", "label 1"]),
        (network_of_scikit_learn, "multilabel", ["label 0", "label 1"]),
        (lambda: make_regressor(None).fit(X, NUMBERS), "regression", ["target 0", "target 1"]),
        (searched_ridge, "regression", ["target 0", "target 1"]),
        (in_logarithms, "regression", ["target 0", "target 1"]),
        (at_a_threshold, "classification", ["False", "True"]),
    ],
)
def test_the_form_of_a_model_s_answers_is_found_out(fit, kind, names):
    model = fit()
    answers = answers_of(model, X)
    assert (answers.kind, answers.names) == (kind, names)
    rows = answers.ask(X[:4])
    values = np.array([row.values for row in rows])
    assert values.shape == (4, len(names))
    predicted = model.predict(X[:4])
    predicted = predicted.toarray() if issparse(predicted) else np.asarray(predicted)
    if kind == "classification":
        assert [answers.prediction(row) for row in rows] == [str(label) for label in predicted]
    elif kind == "multilabel":
        words = [", ".join(f"label {j}" for j in np.flatnonzero(row)) for row in predicted]
        assert [answers.prediction(row) for row in rows] == words
    else:
        np.testing.assert_array_equal(values, predicted.reshape(4, -1))


def test_names_of_the_targets_are_those_of_the_model():
    model = pipeline(LinearRegression(), y)
    model.target_names_ = np.array(["price"], dtype=object)
    answers = answers_of(model)
    assert answers.header(False) == ["path", "price", "error"]
    assert answers.line("a.png", Answer(np.array([1234567.8])), False) == "a.png\t1234568"
    model.target_names_ = ["=path", "path"]
    answers = answers_of(model)
    assert answers.header(False) == ["path", "'=path", "path (value)", "error"]
    with pytest.raises(ValueError, match="predicts 1 numbers per image, but has names for 2"):
        answers.ask(X[:1])


def test_the_decision_is_that_of_the_model_and_the_probability_that_of_the_class():
    model = at_a_threshold()
    (answer,) = answers_of(model, X[-1:]).ask(X[-1:])
    assert not model.predict(X[-1:])[0]
    assert answer.values[1] > 0.5
    line = answers_of(model, X[-1:]).line("a.png", answer, False)
    assert line == f"a.png\tFalse\t{answer.values[0]:.3f}"


def test_labels_that_are_not_0_and_1_are_an_error():
    texts = np.column_stack([np.where(y == 0, "yes", "no"), np.where(y == 1, "big", "small")])
    model = pipeline(MultiOutputClassifier(LogisticRegression()), texts)
    with pytest.raises(ValueError, match="predicts 'no', 'yes' in column 0 of y. Expected 0 and 1"):
        answers_of(model, X)


def test_no_two_columns_of_a_spreadsheet_are_equal():
    names = ["prediction", "prediction (value)", "=a", "'=a", "prediction"]
    header = Answers("multilabel", names, list).header(True)
    assert len(set(header)) == len(header) == 8
    assert header[3] == "prediction (value)"  # which is the name of a label


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
