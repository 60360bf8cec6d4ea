"""The lecture's AlexNet, row by row."""

from typing import Any

import pytest

from featherweight.bench.model_profile import profile
from featherweight.lecture.alexnet import alexnet_rows, print_alexnet

SLIDE = {
    "conv1": (34_848, 105_415_200), "conv2": (307_200, 223_948_800),
    "conv3": (884_736, 149_520_384), "conv4": (663_552, 112_140_288),
    "conv5": (442_368, 74_760_192), "fc6": (37_748_736, 37_748_736),
    "fc7": (16_777_216, 16_777_216), "fc8": (4_096_000, 4_096_000),
}  # fmt: skip


def test_every_row_of_the_slide(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    counted = profile("alexnet")
    rows = alexnet_rows(counted)
    assert {row.name: (row.weights, row.macs) for row in rows} == SLIDE
    assert all(row.agrees for row in rows)
    conv4 = rows[3]
    assert conv4.slide_is_ungrouped
    assert (conv4.slide_params, conv4.ungrouped_weights) == ("1.3M", 1_327_104)
    print_alexnet(rows, counted)
    shown = capsys.readouterr().out
    assert "663,552 (1,327,104 without groups)" in shown
    assert "244 MB" in shown
    assert " no" not in shown


def test_a_changed_network_does_not_agree() -> None:
    rows = alexnet_rows(profile("alexnet:num_classes=10"))
    assert [row.name for row in rows if not row.agrees] == ["fc8"]
    assert alexnet_rows(profile("lenet-5")) == []
