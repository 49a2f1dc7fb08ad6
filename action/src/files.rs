//! Files that a run reads and writes: regular ones only, so that nothing waits for the other end of
//! a pipe; none is written through a link, and none is left half written.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use tempfile::NamedTempFile;

/// The file, if it is regular and no longer than that.
pub(crate) fn read(path: &Path, longest: u64) -> anyhow::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).context("it cannot be read")?;
    ensure!(metadata.is_file(), "it is no regular file");
    let mut bytes = Vec::new();
    let file = File::open(path).context("it cannot be read")?;
    file.take(longest + 1)
        .read_to_end(&mut bytes)
        .context("it cannot be read")?;
    ensure!(
        bytes.len() as u64 <= longest,
        "it is larger than {} MiB",
        longest >> 20
    );
    Ok(bytes)
}

/// Adds lines to a file that other steps may have written to, perhaps without an end of their last
/// line.
pub(crate) fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    check_regular(path)?;
    let append = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        file.write_all(text.as_bytes())
    };
    append().with_context(|| not_written(path))
}

/// Writes a file as a whole, in place of what was there: beside it first, then by its name, so that
/// nobody reads the half of it.
pub(crate) fn replace(
    path: &Path,
    write_to: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    check_regular(path)?;
    let write = || -> io::Result<()> {
        let mut file = NamedTempFile::new_in(folder_of(path))?;
        write_to(&mut file)?;
        make_readable(file.as_file())?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| not_written(path))
}

/// Makes sure, before anything is done, that a file can be written at its end, and removes an old
/// one, which somebody could read as this run's.
pub(crate) fn prepare(path: &Path) -> anyhow::Result<()> {
    check_regular(path)?;
    let prepare = || -> io::Result<()> {
        NamedTempFile::new_in(folder_of(path))?.close()?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    prepare().with_context(|| not_written(path))
}

/// Makes sure, before anything is done, that lines can be added to a file at the end.
pub(crate) fn check_appendable(path: &Path) -> anyhow::Result<()> {
    check_regular(path)?;
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map(drop).with_context(|| not_written(path))
}

/// A file that does not exist yet is fine too.
fn check_regular(path: &Path) -> anyhow::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(metadata) if metadata.is_symlink() => {
            bail!("`{}` is a link, and is not followed", path.display())
        }
        Ok(_) => bail!("`{}` is no regular file", path.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| not_written(path)),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A temporary file is its owner's alone; later steps may run as somebody else.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

fn not_written(path: &Path) -> String {
    format!("`{}` cannot be written", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_replaced_as_a_whole_and_old_one_is_removed_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        std::fs::write(&path, "old").unwrap();
        prepare(&path).unwrap();
        assert!(!path.exists());
        replace(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        append(&path, "er\n").unwrap();
        append(&path, "end\n").unwrap();
        assert_eq!(read(&path, 100).unwrap(), b"new\ner\nend\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn long_or_missing_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        assert!(read(&path, 3).is_err());
        std::fs::write(&path, "1234").unwrap();
        assert!(read(&path, 3).is_err() && read(&path, 4).is_ok());
        assert!(prepare(&folder.path().join("none/report.json")).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn links_folders_and_pipes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(&elsewhere, "kept").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for path in [&link, &pipe, &folder.path().to_owned()] {
            assert!(append(path, "x").is_err());
            assert!(replace(path, |file| file.write_all(b"x")).is_err());
            assert!(prepare(path).is_err());
        }
        assert!(read(&pipe, 10).is_err());
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "kept");
    }
}
