"""A zip that is not what was published, or could write elsewhere, is refused."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from pathlib import Path

import pytest

from tools.unpack import UnsafeZip, main, unpack, verify_zip


def crafted(folder: Path, entry: str, mode: int = stat.S_IFREG | 0o644) -> tuple[Path, Path]:
    """A zip with one entry more than it should have, and its true sum."""
    path = folder / "vae_regulariser_v0.1.0.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vae_regulariser/LICENSE", "text")
        extra = zipfile.ZipInfo("x")
        extra.filename = entry
        extra.external_attr = mode << 16
        archive.writestr(extra, "/etc/passwd")
    sums = folder / "SHA256SUMS"
    sums.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    return path, sums


@pytest.mark.parametrize(
    ("entry", "mode", "message"),
    [
        ("vae_regulariser/../../out.txt", stat.S_IFREG, "leads out of the folder"),
        ("../out.txt", stat.S_IFREG, "leads out of the folder"),
        ("vae_regulariser\\..\\..\\out.txt", stat.S_IFREG, "leads out of the folder"),
        ("/tmp/out.txt", stat.S_IFREG, "absolute path"),
        ("C:/out.txt", stat.S_IFREG, "absolute path"),
        ("vae_regulariser/link", stat.S_IFLNK, "symbolic link"),
        ("vae_regulariser/pipe", stat.S_IFIFO, "no regular file"),
        ("another/file.py", stat.S_IFREG, "not inside vae_regulariser/"),
        ("vae_regulariser/license", stat.S_IFREG, "comes twice"),
    ],
)
def test_zip_that_could_write_elsewhere_is_refused(
    entry: str, mode: int, message: str, tmp_path: Path
) -> None:
    path, sums = crafted(tmp_path, entry, mode | 0o644)
    with pytest.raises(UnsafeZip, match=message):
        unpack(path, sums, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_tampered_unlisted_and_broken_zips_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, sums = crafted(tmp_path, "vae_regulariser/docs/README.md")
    assert verify_zip(path, sums) == "vae_regulariser"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnsafeZip, match=r"SHA-256 is .* should be"):
        verify_zip(path, sums)
    sums.write_text("")
    with pytest.raises(UnsafeZip, match="has no sum of"):
        verify_zip(path, sums)
    path.write_bytes(b"not a zip")
    sums.write_text(f"{hashlib.sha256(b'not a zip').hexdigest()}  {path.name}\n")
    assert main([str(path), "--sums", str(sums), "--output", str(tmp_path / "to")]) == 1
    assert "not a zip file" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()
