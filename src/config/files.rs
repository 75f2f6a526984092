//! Files that hold settings or secrets: read with a bound, and refused where others could read or change them.

use crate::policy::Fault;
use crate::text::Secret;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The most that one file of settings may have, in bytes.
pub const LONGEST: u64 = 1024 * 1024;
/// The most that one secret may have, in bytes.
const LONGEST_SECRET: u64 = 64 * 1024;

/// A path as a word of a shell command, for cures that can be copied.
pub fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |ch: char| ch.is_ascii_alphanumeric() || "/._-+@%:,".contains(ch);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A fault of a file as a whole.
pub fn fault(path: &Path, sentence: &str, cure: &str) -> Fault {
    Fault::new(&path.display().to_string(), 0, sentence, cure)
}

/// What the system said about a file, as a fault.
pub fn io_fault(path: &Path, error: &std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::NotFound => fault(path, "there is no such file", "check the path, or run nightlatch config init"),
        ErrorKind::PermissionDenied => fault(
            path,
            "this account may not read it",
            &format!("run it as its owner, or: sudo chown \"$USER\" {}", shell(path)),
        ),
        _ => fault(path, &format!("it cannot be read: {error}"), "check the path and the disk"),
    }
}

/// Opens a regular file. What it is and whose is looked at through the open file, so that nobody can swap it meanwhile.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), Fault> {
    // A pipe in the file's place would block an ordinary open for ever.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let file =
        rustix::fs::open(path, flags, rustix::fs::Mode::empty()).map_err(|error| io_fault(path, &error.into()))?;
    let file = File::from(file);
    let metadata = file.metadata().map_err(|error| io_fault(path, &error))?;
    if !metadata.is_file() {
        return Err(fault(path, "it is not a regular file", "name a file"));
    }
    Ok((file, metadata))
}

/// Reads a text of at most `longest` bytes.
pub(super) fn read_bounded(path: &Path, file: File, longest: u64) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes).map_err(|error| io_fault(path, &error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > longest {
        return Err(fault(path, &format!("it has more than {longest} bytes"), "take out what is not used"));
    }
    String::from_utf8(bytes).map_err(|_| fault(path, "it is not UTF-8 text", "save it as UTF-8"))
}

/// Reads a file of settings.
pub fn read_text(path: &Path) -> Result<String, Fault> {
    let (file, _) = open(path)?;
    read_bounded(path, file, LONGEST)
}

/// Refuses a secret's file that its group or everybody may read or change, with the command that mends it.
pub fn check_private(path: &Path) -> Result<(), Fault> {
    let (_, metadata) = open(path)?;
    private(path, &metadata)
}

fn private(path: &Path, metadata: &Metadata) -> Result<(), Fault> {
    let own = rustix::process::geteuid();
    if ![own.as_raw(), 0].contains(&metadata.uid()) {
        let sentence = format!("it holds a secret and belongs to another account (uid {})", metadata.uid());
        return Err(fault(path, &sentence, &format!("run: sudo chown {} {}", own.as_raw(), shell(path))));
    }
    if metadata.mode() & 0o077 != 0 {
        let sentence =
            format!("it holds a secret and its mode is {:04o}: others can get at it", metadata.mode() & 0o7777);
        return Err(fault(path, &sentence, &format!("run: chmod 600 {}, and change the secret", shell(path))));
    }
    Ok(())
}

/// Reads a text that is nobody else's business, of at most `longest` bytes.
pub fn read_private(path: &Path, longest: u64) -> Result<String, Fault> {
    let (file, metadata) = open(path)?;
    private(path, &metadata)?;
    read_bounded(path, file, longest)
}

/// Reads a secret from its file: private, not empty, without the newline at its end.
pub fn read_secret(path: &Path) -> Result<Secret, Fault> {
    let text = read_private(path, LONGEST_SECRET)?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(fault(path, "it should hold a secret and is empty", "write the secret into it"));
    }
    Ok(Secret::new(secret))
}

/// Refuses a file that its group or everybody may change, with the command that mends it.
pub(super) fn check_not_shared(path: &Path, metadata: &Metadata) -> Result<(), Fault> {
    if metadata.mode() & 0o022 != 0 {
        let sentence = format!("its mode is {:04o}: others than its owner can change it", metadata.mode() & 0o7777);
        return Err(fault(path, &sentence, &format!("run: chmod go-w {}", shell(path))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a55_a_secret_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("to ken");
        fs::write(&path, "s3cret\n").unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let told = read_secret(&path).unwrap_err().to_string();
            assert!(told.contains(&format!("its mode is {mode:04o}")), "{told}");
            assert!(told.contains(&format!("run: chmod 600 '{}', and change the secret", path.display())), "{told}");
            assert!(!told.contains("s3cret"));
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(check_private(&path), Ok(()));
        assert_eq!(read_secret(&path).unwrap().reveal(), "s3cret");
    }

    #[test]
    fn what_is_no_file_or_too_long_or_empty_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert!(read_text(&path).unwrap_err().to_string().contains("there is no such file"));
        assert!(read_text(folder.path()).unwrap_err().to_string().contains("not a regular file"));
        fs::write(&path, vec![b'a'; 1024 * 1024 + 1]).unwrap();
        assert!(read_text(&path).unwrap_err().to_string().contains("more than 1048576 bytes"));
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(read_text(&path).unwrap_err().to_string().contains("not UTF-8"));
        fs::write(&path, "\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(read_secret(&path).unwrap_err().to_string().contains("is empty"));
    }
}
