"""What info.json says, and the two orders of frames."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.frame_times import checked_cycle
from myomotion.io.info import KNOWN_KEYS, StudyInfo, read_info


def write(folder: Path, **content: object) -> Path:
    path = folder / "info.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_study_without_info_has_the_defaults() -> None:
    assert read_info(None) == StudyInfo()


def test_every_key_is_read_and_others_are_kept_as_notes(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ed_frame=3,
        es_frame=9,
        labels="acdc",
        slices=[{"level": "basal"}, {}],
        frame_times_ms=[10, 40],
        frame_interval_ms=30,
        series=[5, "SAX"],
        allow_missing_slices=True,
        patient="Zoë",
    )
    info = read_info(path)
    assert info == StudyInfo(
        path=path,
        ed_frame=3,
        es_frame=9,
        labels="acdc",
        levels=("basal", "slice01"),
        frame_times_ms=[10, 40],
        frame_interval_ms=30,
        series=[5, "SAX"],
        allow_missing_slices=True,
        content=info.content,
    )
    assert info.content["patient"] == "Zoë" and set(info.content) <= set(KNOWN_KEYS)
    with pytest.raises(FrozenInstanceError):
        info.labels = "mnms"  # type: ignore[misc]


def test_times_begin_at_zero_and_must_rise_once_a_frame(tmp_path: Path) -> None:
    info = read_info(write(tmp_path, frame_times_ms=[10, 40, 75]))
    assert np.array_equal(info.frame_times(3), [0, 30, 65])
    assert StudyInfo().frame_times(3) is None
    for times, frames in (([0, 40], 3), ([0, 40, 40], 3), (["a"], 1), ([0, None, 9], 3), (7, 1)):
        info = read_info(write(tmp_path, frame_times_ms=times))
        with pytest.raises(InputError, match=rf"info\.json: frame_times_ms is .*{frames} rising"):
            info.frame_times(frames)


def test_interval_gives_even_times_where_there_are_no_others(tmp_path: Path) -> None:
    assert np.array_equal(
        read_info(write(tmp_path, frame_interval_ms=46.5)).frame_times(3), [0, 46.5, 93]
    )
    both = read_info(write(tmp_path, frame_interval_ms=46, frame_times_ms=[0, 40, 90]))
    assert np.array_equal(both.frame_times(3), [0, 40, 90])
    for interval in (0, -4, "fast", True, [46]):
        info = read_info(write(tmp_path, frame_interval_ms=interval))
        with pytest.raises(InputError, match=r"info\.json: frame_interval_ms is .*positive number"):
            info.frame_times(3)


@pytest.mark.parametrize(
    ("step", "rate", "kept"),
    [(6, 333, False), (15, 133, True), (9, 222, True), (60, 33, True), (120, 17, False)],
)
def test_heart_rate_that_times_make_is_said_and_must_be_a_hearts(
    step: float, rate: int, kept: bool
) -> None:
    times = np.arange(30) * float(step)
    found, text = checked_cycle(times)
    assert (found is times) == kept and (found is None) == (not kept)
    if rate == 133:
        assert text is None
    else:
        assert text is not None and f"30 frames of {step} ms make a heart rate of {rate}" in text
        assert ("not used" in text) == (not kept)
    assert checked_cycle(None) == (None, None)


def test_heart_rate_that_the_user_states_as_well_is_not_asked_about() -> None:
    times = np.arange(15) * 20.0
    assert checked_cycle(times, 200) == (times, None)
    assert "heart_rate_bpm if that is the rate" in str(checked_cycle(times, 100)[1])
    assert checked_cycle(np.arange(30) * 6.0, 60)[0] is None


@pytest.mark.parametrize(
    "times", [{"frame_interval_ms": 0.04}, {"frame_times_ms": [0, 0.04, 0.08]}]
)
def test_times_in_seconds_are_refused(tmp_path: Path, times: dict[str, object]) -> None:
    info = read_info(write(tmp_path, **times))
    with pytest.raises(InputError, match=r"frames 0\.04 ms apart; .*Give milliseconds"):
        info.frame_times(3)


def test_known_keys_are_named_once() -> None:
    assert len(set(KNOWN_KEYS)) == len(KNOWN_KEYS)


def test_info_of_another_folder_is_named_in_its_errors(small_study: Path, tmp_path: Path) -> None:
    (study,) = find_studies(small_study)
    path = write(tmp_path, frame_times_ms=[0, 1])
    with pytest.raises(InputError) as error:
        read_cine({**study, "info": str(path)})
    assert str(error.value).startswith(f"{path}: frame_times_ms is [0, 1], expected 4")


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_end_diastole_is_first_in_memory_and_comes_back_to_its_place(axis: int) -> None:
    image = np.arange(2 * 2 * 5 * 5, dtype=np.float32).reshape(2, 2, 5, 5)
    cine = Cine(name="a", image=image, affine=np.eye(4), ed_frame=3)
    frames = np.moveaxis(np.arange(5 * 12).reshape(5, 3, 4), 0, axis)
    first = cine.from_ed(frames, axis)
    assert np.take(first, 0, axis).tolist() == np.take(frames, 3, axis).tolist()
    order = [3, 4, 0, 1, 2]
    assert np.array_equal(first, np.take(frames, order, axis))
    assert np.array_equal(cine.to_file(first, axis), frames)


def test_case_byte_order_marks_whole_floats_and_null_are_taken_as_meant(tmp_path: Path) -> None:
    path = tmp_path / "info.json"
    text = '{"ED_Frame": 2.0, "Labels": null, "es_frame": null, "slices": [{"level": "Base"}]}'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    info = read_info(path)
    assert (info.ed_frame, info.es_frame, info.labels, info.levels) == (2, None, "auto", ("basal",))


@pytest.mark.parametrize(
    ("key", "meant"), [("ed_fram", "ed_frame"), ("es-frame", "es_frame"), ("slice", "slices")]
)
def test_slip_of_a_key_is_refused_with_the_key_that_is_meant(
    tmp_path: Path, key: str, meant: str
) -> None:
    with pytest.raises(InputError, match=rf"info\.json: '{key}' is not .*mean '{meant}'"):
        read_info(write(tmp_path, **{key: 1}))


@pytest.mark.parametrize(
    ("entry", "found", "meant"),
    [
        ({"level": "midd"}, "level of slice 1 is 'midd'", "mid"),
        ({"level": "Bsal "}, "level of slice 1 is 'Bsal '", "basal"),
        ({"level": "apexx"}, "level of slice 1 is 'apexx'", "apical"),
        ({"levl": "mid"}, "'levl' of slice 1", "level"),
        ({"Level": "mid"}, "'Level' of slice 1", "level"),
    ],
)
def test_slip_of_a_level_is_refused_with_the_level_that_is_meant(
    tmp_path: Path, entry: dict[str, str], found: str, meant: str
) -> None:
    path = write(tmp_path, slices=[{"level": "basal"}, entry])
    with pytest.raises(InputError, match=rf"info\.json: {found}.* Did you mean '{meant}'\?$"):
        read_info(path)


def test_names_of_slices_that_are_no_slips_are_kept(tmp_path: Path) -> None:
    names = ["Base", "mid 2", "outflow tract", "slice03", None]
    path = write(tmp_path, slices=[{"level": name, "source_slice_index": 2} for name in names])
    assert read_info(path).levels == ("basal", "mid 2", "outflow tract", "slice03", "slice04")


def test_notes_of_other_programs_are_no_slips(tmp_path: Path) -> None:
    info = read_info(write(tmp_path, pathology="NOR", slice_spacing_mm=10, n_slices=9, subject="a"))
    assert info.content["pathology"] == "NOR"


def test_half_frames_are_refused_where_they_are_used(small_study: Path) -> None:
    write(small_study, ed_frame=1.5)
    with pytest.raises(InputError, match=r"ed_frame is 1\.5"):
        read_cine(find_studies(small_study)[0])
