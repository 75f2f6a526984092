//! Writing this person's own files: private, whole or not at all, and never over what is there unless that is meant.

use super::exit::Trouble;
use super::settings::faulty;
use crate::config::paths::private_folder;
use crate::secret;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

fn wrong(path: &Path) -> impl Fn(std::io::Error) -> Trouble {
    let path = path.display().to_string();
    move |e| match e.kind() {
        ErrorKind::AlreadyExists => Trouble::usage(
            format!("{path} is there already, and is not overwritten"),
            "move it away first, or name another folder with XDG_CONFIG_HOME",
        ),
        _ => Trouble::fault(format!("{path} cannot be written: {e}"), "check the folder's owner and the disk"),
    }
}

fn folder_of(path: &Path) -> Result<(), Trouble> {
    match path.parent() {
        // A folder that is there already is as its owner wants it; a new one is private.
        Some(folder) if !folder.as_os_str().is_empty() && !folder.exists() => {
            private_folder(folder).map_err(|fault| faulty(&[fault]))
        }
        _ => Ok(()),
    }
}

/// A new file, mode 0600.
pub fn new_file(path: &Path, text: &str) -> Result<(), Trouble> {
    folder_of(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(wrong(path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong(path))
}

/// A file with this text and mode 0600, in the place of the one that was there.
pub fn replace_private(path: &Path, text: &str) -> Result<(), Trouble> {
    let chance = secret::hex::<6>().map_err(|e| Trouble::fault(e, "try again"))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{chance}"));
    let beside = path.with_file_name(name);
    new_file(&beside, text)?;
    fs::rename(&beside, path).map_err(|e| {
        let _ = fs::remove_file(&beside);
        wrong(path)(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_are_private_and_never_overwritten_by_chance() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/token");
        new_file(&path, "one").unwrap();
        assert!(new_file(&path, "two").unwrap_err().sentence.contains("is there already"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace_private(&path, "three").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
