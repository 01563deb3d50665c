"""A study with a report that is stopped goes on where it was."""

import pytest
from helpers.pets import SMALL

from sklearn_tl.cli import main
from sklearn_tl.cli.unfinished import kept_until_finished
from sklearn_tl.comparison.runs import run_fold

pytest.importorskip("matplotlib")
COMMAND = [*SMALL, "--strategies", "raw pixels", "embeddings", "--cv", "2"]


def test_a_study_that_was_stopped_goes_on(pets, tmp_path, capsys, monkeypatch, network_images):
    report = tmp_path / "report"
    command = ["study", str(pets), *COMMAND, "--report", str(report)]
    calls = []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return run_fold(*arguments)

    monkeypatch.setattr("sklearn_tl.comparison.all_runs.run_fold", stopped)
    assert main(command) == 130
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"sklearn-tl: {report / 'unfinished'} keeps 3 finished fits and the embeddings that were "
        "computed. To go on, type the same command again."
    )
    n_through_network = sum(network_images)

    assert main(command) == 0
    out, err = capsys.readouterr()
    assert f"{report / 'unfinished'}: 3 of 4 fits are finished, and used again\n" in err
    assert len(calls) == 5
    # No image went through the network again, not even for the map of the embeddings.
    assert sum(network_images) == n_through_network == 24
    assert (report / "report.html").exists()
    assert not (report / "unfinished").exists()
    old = f"{report} has an earlier report, which this study replaces when it is finished.\n"
    assert old not in out
    assert str(report / "unfinished") not in out + (report / "report.html").read_text()
    assert main(command) == 0
    assert old in capsys.readouterr().out


def test_a_changed_study_begins_anew_and_says_so(pets, tmp_path, capsys, monkeypatch):
    report = tmp_path / "report"
    command = ["study", str(pets), *SMALL, "--strategies", "raw pixels", "--report", str(report)]

    def fail(*_, **__):
        raise ValueError("The printer is out of paper.")

    with monkeypatch.context() as patch:
        patch.setattr("sklearn_tl.cli.study.write_report", fail)
        assert main([*command, "--cv", "2"]) == 1
    err = capsys.readouterr().err
    assert "keeps 2 finished fits" in err
    assert err.endswith("sklearn-tl: error: The printer is out of paper.\n")
    assert main([*command, "--cv", "3"]) == 0
    assert "the 2 finished fits there are of another study" in capsys.readouterr().err


def test_files_of_others_stay(tmp_path):
    with kept_until_finished(tmp_path) as folder:
        folder.mkdir()
        for name in ("a.npz", ".12-b.npz", "rows.sqlite", "rows.sqlite-wal", "mine.txt"):
            (folder / name).touch()
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    with kept_until_finished(None) as folder:
        assert folder is None
