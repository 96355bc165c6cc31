"""The packed bundles work where nothing else of the project is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, download, load, verify_net_in_out

from myomotion.networks.recurrent import RecurrentMotionNet
from tests.support.paths import BUNDLES
from tests.support.pickled import Pickled
from tests.support.pictures import is_drawn
from tools.package.__main__ import NAMES, main, package
from tools.unpack import unpack

pytestmark = pytest.mark.slow  # all bundles are packed

PROBE = Path(__file__).with_name("unzipped_bundles.py")
LARGEST = 40e6  # bytes


@pytest.fixture(autouse=True)
def own_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundles add their folders to ``sys.path``; other tests shall not see them."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy of the bundles, with an untrained registration network where none is shipped."""
    folder = tmp_path_factory.mktemp("sources") / "bundles"
    shutil.copytree(BUNDLES, folder, ignore=shutil.ignore_patterns("output", "eval", ".*"))
    weights = folder / "cardiac_motion_reg" / "models" / "model.pt"
    if not weights.is_file():
        weights.parent.mkdir(exist_ok=True)
        torch.manual_seed(0)
        torch.save(RecurrentMotionNet().state_dict(), weights)
    return folder


@pytest.fixture(scope="module")
def packed(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``python -m tools.package`` writes."""
    folder = tmp_path_factory.mktemp("packed")
    assert main(["--output", str(folder), "--bundles", str(sources)]) == 0
    return folder


@pytest.fixture(scope="module")
def served(packed: Path) -> Iterator[str]:
    """Address of a web server on this machine that has the zips."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(packed))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def downloaded(packed: Path, served: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the bundles as ``monai.bundle download`` leaves them."""
    folder = tmp_path_factory.mktemp("downloaded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        for name in NAMES:
            url = f"{served}/{zip_of(packed, name).name}"
            download(name=name, url=url, bundle_dir=str(folder), progress=False)
    return folder


def zip_of(folder: Path, name: str) -> Path:
    (path,) = folder.glob(f"{name}_v*.zip")
    return path


def run_alone(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, *(str(a) for a in arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


# ---- what is written --------------------------------------------------------------------------


@pytest.mark.slow
def test_same_sources_give_the_same_bytes_whatever_lies_beside_them(
    sources: Path, packed: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "bundles"
    shutil.copytree(sources, copy, copy_function=shutil.copyfile)
    for folder in (copy / "myomotion", copy / "cardiac_motion_reg" / "docs"):
        (folder / "__pycache__").mkdir(exist_ok=True)
    (copy / "myomotion" / "__pycache__" / "flow.cpython-311.pyc").write_bytes(b"bytecode")
    (copy / "cardiac_motion_reg" / "docs" / ".hidden").write_text("mine")
    (copy / "cardiac_motion_reg" / "output").mkdir()
    (copy / "cardiac_motion_reg" / "output" / "model.pt").write_bytes(b"a run of mine")
    license_file = copy / "vae_regulariser" / "LICENSE"
    license_file.chmod(0o600)
    os.utime(license_file, (1e9, 1e9))
    package(tmp_path / "again", copy)
    names = sorted(path.name for path in packed.glob("[!.]*"))
    assert len(names) == len(NAMES) + 2
    assert sorted(path.name for path in (tmp_path / "again").glob("[!.]*")) == names
    for name in names:
        assert (packed / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_zip_holds_one_folder_with_all_that_the_bundle_needs(name: str, packed: Path) -> None:
    path = zip_of(packed, name)
    assert path.stat().st_size < LARGEST
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    inside = {entry.filename.removeprefix(f"{name}/") for entry in entries}
    assert all(entry.filename.startswith(f"{name}/") for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {stat.S_IFREG | 0o644}
    assert inside >= {"LICENSE", "docs/README.md", "models/model.pt", "configs/metadata.json"}
    shared = {p.relative_to(BUNDLES) for p in BUNDLES.glob("myomotion/configs/*.yaml")}
    configs = {p.stem for p in (*shared, *(BUNDLES / name / "configs").glob("*.yaml"))}
    assert configs >= {"train", "inference", "multi_gpu_train", "evaluate"}
    assert inside >= {f"configs/{stem}{end}" for stem in configs for end in (".yaml", ".json")}
    borrowed = {"models/vae/model.pt", "models/ventricles/model.pt"}
    assert borrowed & inside == (borrowed if name == "cardiac_motion_reg" else set())


def test_sums_and_entries_for_a_model_zoo_belong_to_the_zips(packed: Path) -> None:
    lines = (packed / "SHA256SUMS").read_text().splitlines()
    assert lines == [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in sorted(packed.glob("*.zip"))
    ]
    entries = json.loads((packed / "model_info.json").read_text())
    assert entries == {
        path.stem: {"checksum": hashlib.sha1(path.read_bytes()).hexdigest(), "source": ""}
        for path in packed.glob("*.zip")
    }
    for name in NAMES:
        meta = json.loads((BUNDLES / name / "configs" / "metadata.json").read_text())
        assert f"{name}_v{meta['version']}" in entries


@pytest.mark.parametrize(
    ("folder", "other"), [("vae", "vae_regulariser"), ("ventricles", "ventricle_segmentation")]
)
def test_registration_bundle_carries_the_weights_of_the_others(
    folder: str, other: str, downloaded: Path
) -> None:
    borrowed = downloaded / "cardiac_motion_reg" / "models" / folder / "model.pt"
    assert borrowed.read_bytes() == (downloaded / other / "models" / "model.pt").read_bytes()


@pytest.mark.slow
def test_nothing_is_written_where_one_bundle_is_incomplete(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles = tmp_path / "bundles"
    shutil.copytree(sources, bundles)
    (bundles / "cardiac_motion_reg" / "LICENSE").unlink()
    output = tmp_path / "output"
    assert main(["--output", str(output), "--bundles", str(bundles)]) == 1
    assert re.search(r"^error: .*cardiac_motion_reg: LICENSE missing", capsys.readouterr().err)
    assert not output.exists()


# ---- what a download does ---------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_download_over_http_unpacks_what_was_packed(
    name: str, packed: Path, downloaded: Path
) -> None:
    with zipfile.ZipFile(zip_of(packed, name)) as archive:
        content = {entry: archive.read(entry) for entry in archive.namelist()}
    for entry, expected in content.items():
        assert (downloaded / entry).read_bytes() == expected, entry
    files = [p for p in (downloaded / name).rglob("*") if p.is_file() and p.suffix != ".pyc"]
    assert {p.relative_to(downloaded).as_posix() for p in files} >= set(content)


@pytest.mark.parametrize("name", NAMES)
def test_json_twins_equal_the_yaml(name: str, downloaded: Path) -> None:
    configs = downloaded / name / "configs"
    for path in configs.glob("*.yaml"):
        twin = path.with_suffix(".json")
        assert json.loads(twin.read_text()) == ConfigParser.load_config_file(str(path)), path.name
    for overlay in ("multi_gpu_train", "evaluate"):
        in_yaml, in_json = (
            ConfigParser.load_config_files([str(configs / f"{n}{end}") for n in ("train", overlay)])
            for end in (".yaml", ".json")
        )
        assert in_yaml == in_json


@pytest.mark.parametrize("name", NAMES)
def test_downloaded_network_takes_and_gives_what_its_metadata_says(
    name: str, downloaded: Path
) -> None:
    folder = downloaded / name
    verify_net_in_out(
        "network_def",
        meta_file=str(folder / "configs" / "metadata.json"),
        config_file=str(folder / "configs" / "inference.json"),
        bundle_root=str(folder),
        device="cpu",
    )


@pytest.mark.slow
def test_downloaded_bundle_tracks_a_cine_from_its_own_folder(
    studies: Path, downloaded: Path, tmp_path: Path
) -> None:
    done = run_alone(
        *("-m", "monai.bundle", "run", "--config_file", "configs/inference.json"),
        *("--dataset_dir", studies / "one", "--refine_steps", 2, "--output_dir", tmp_path),
        cwd=downloaded / "cardiac_motion_reg",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = (tmp_path / "one" / "strain.csv").read_text().splitlines()
    assert len(rows) == 1 + 4 * (7 + 7)  # frames; the whole slice and six segments of either
    assert is_drawn(tmp_path / "one" / "motion.png")
    assert "Research use only" in (tmp_path / "one" / "report.html").read_text()


@pytest.mark.slow
def test_downloads_run_in_one_process_without_network_or_repository(
    studies: Path, cycles: Path, downloaded: Path, tmp_path: Path
) -> None:
    done = run_alone(PROBE, studies / "one", cycles, tmp_path, cwd=downloaded)
    assert done.returncode == 0, done.stderr[-2000:]
    refusal, code = done.stdout.strip().splitlines()[-2:]
    assert "the built-in data need the simulator" in refusal
    assert "set dataset_dir to your own" in refusal
    assert code == "cardiac_motion_reg/myomotion/__init__.py"
    assert (tmp_path / "cardiac_motion_reg" / "one" / "summary.json").is_file()
    assert len(list((tmp_path / "vae_regulariser").glob("*.csv"))) == 6
    assert (tmp_path / "ventricle_segmentation" / "one" / "label_sa_ED.nii.gz").is_file()
    assert not (tmp_path / "cache").exists()


def test_ten_lines_of_the_documentation_track_a_pair(
    downloaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (downloaded / "cardiac_motion_reg" / "docs" / "README.md").read_text()
    section = text.split("## In your own pipeline")[1].split("\n## ")[0]
    block = re.search(r"```python\n(.*?)```", section, re.S)
    assert block is not None
    assert len([line for line in block[1].splitlines() if line.strip()]) <= 10
    monkeypatch.chdir(downloaded)
    torch.manual_seed(0)
    names = {"moving": torch.rand(1, 1, 96, 96), "reference": torch.rand(1, 1, 96, 96)}
    exec(block[1], names)
    assert names["displacement"].shape == (1, 2, 96, 96)
    assert names["aligned"].shape == (1, 1, 96, 96)
    assert torch.isfinite(names["displacement"]).all()
    assert 0 < float(names["displacement"].abs().max()) < 96
    assert not torch.equal(names["aligned"], names["moving"])


def test_sound_zip_is_unpacked_once(packed: Path, tmp_path: Path) -> None:
    path = zip_of(packed, "vae_regulariser")
    bundle = unpack(path, packed / "SHA256SUMS", tmp_path / "to")
    assert bundle == tmp_path / "to" / "vae_regulariser"
    assert [p.name for p in bundle.parent.iterdir()] == ["vae_regulariser"]
    assert (bundle / "configs" / "inference.json").is_file()
    with pytest.raises(FileExistsError, match="exists"):
        unpack(path, packed / "SHA256SUMS", tmp_path / "to")


@pytest.mark.parametrize("name", NAMES)
def test_pickle_in_place_of_weights_is_refused_and_not_run(
    name: str, downloaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / name
    shutil.copytree(downloaded / name, bundle)
    torch.save({"bias": Pickled(tmp_path / "ran")}, bundle / "models" / "model.pt")
    monkeypatch.chdir(tmp_path)
    # Workflows of other tests leave their bundle's folder on the path, where this one would look.
    others = [p for p in sys.path if (Path(p) / "configs" / "metadata.json").is_file()]
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in others])
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.json"))
    parser["bundle_root"] = str(bundle)
    with pytest.raises(SystemExit, match=r"error: .*model\.pt: not a plain state dict"):
        parser.get_parsed_content("network")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        load(name, bundle_dir=".", workflow_type="inference", device="cpu")
    assert not (tmp_path / "ran").exists()
