//! Whether a helper is safe to run: whoever can write it, or its folder, does what it does in our name.

use crate::text::words::{safe_line, shell};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Why a helper is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Unsafe {
    /// The sentence, with the cure.
    pub sentence: String,
    /// Only the configuration can mend it: to try again changes nothing.
    pub lasting: bool,
}

impl Unsafe {
    fn passing(sentence: String) -> Self {
        Self { sentence, lasting: false }
    }

    fn lasting(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), lasting: true }
    }
}

/// Refuses a helper that is not there, cannot be run, or can be changed by others; says the command that mends it.
///
/// The word after it is looked at too where it is a file, for it is the program when the first one is an interpreter.
pub fn check(argv: &[String]) -> Result<(), Unsafe> {
    let mut words = argv.iter();
    let Some(program) = words.next().map(Path::new).filter(|path| path.is_absolute()) else {
        return Err(Unsafe::lasting("the helper is not named by an absolute path: mend argv"));
    };
    if check_file(program)? & 0o111 == 0 {
        return Err(mend(program, "cannot be run", "chmod +x"));
    }
    if let Some(script) = words.next().map(Path::new).filter(|path| path.is_absolute() && path.is_file()) {
        check_file(script)?;
    }
    Ok(())
}

/// Looks at the file, at its folder, and at both again where a link leads to. Gives the file's mode.
fn check_file(path: &Path) -> Result<u32, Unsafe> {
    let real = path
        .canonicalize()
        .map_err(|fault| Unsafe::passing(format!("cannot find the helper {}: {fault}", shown(path))))?;
    let file = unchangeable(&real)?;
    if file & 0o170_000 != 0o100_000 {
        return Err(Unsafe::lasting(format!("the helper {} is not a file: mend argv", shown(path))));
    }
    for folder in [path.parent(), real.parent()].into_iter().flatten() {
        unchangeable(folder)?;
    }
    Ok(file)
}

/// The mode of what is there, when only root and our own account can change it.
fn unchangeable(path: &Path) -> Result<u32, Unsafe> {
    let there = path
        .metadata()
        .map_err(|fault| Unsafe::passing(format!("cannot look at the helper's {}: {fault}", shown(path))))?;
    if there.mode() & 0o022 != 0 {
        return Err(mend(path, "can be changed by others", "chmod go-w"));
    }
    if there.uid() != 0 && there.uid() != rustix::process::geteuid().as_raw() {
        return Err(mend(path, &format!("belongs to the account {}", there.uid()), "chown root"));
    }
    Ok(there.mode())
}

fn mend(path: &Path, what: &str, command: &str) -> Unsafe {
    let quoted = shell(&path.to_string_lossy());
    Unsafe::passing(format!("the helper is refused: {} {what}; run {command} {quoted}", shown(path)))
}

fn shown(path: &Path) -> String {
    safe_line(path.to_string_lossy().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::PermissionsExt as _;

    fn words(path: &Path) -> Vec<String> {
        vec![path.to_str().unwrap().to_owned()]
    }

    #[test]
    fn a55_a_helper_that_others_can_change_is_refused_with_the_command_that_mends_it() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("lib");
        create_dir(&folder).unwrap();
        let helper = folder.join("helper");
        assert!(check(&words(&helper)).unwrap_err().sentence.contains("cannot find"));
        write(&helper, "#!/bin/sh\n").unwrap();
        let refused = |path: &Path, mode: u32, command: &str| {
            set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let fault = check(&words(&helper)).unwrap_err();
            assert!(fault.sentence.ends_with(&format!("run {command} {}", path.display())), "{fault}");
        };
        refused(&helper, 0o775, "chmod go-w");
        refused(&helper, 0o757, "chmod go-w");
        refused(&helper, 0o644, "chmod +x");
        set_permissions(&helper, Permissions::from_mode(0o755)).unwrap();
        check(&words(&helper)).unwrap();
        refused(&folder, 0o775, "chmod go-w");
        refused(&folder, 0o1777, "chmod go-w");
        set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        check(&words(&helper)).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&helper, Some(65534), None).unwrap();
            refused(&helper, 0o755, "chown root");
        }
    }

    #[test]
    fn a55_neither_a_link_nor_an_interpreter_hides_a_helper() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("lib");
        create_dir(&folder).unwrap();
        let helper = folder.join("helper");
        write(&helper, "#!/bin/sh\n").unwrap();
        set_permissions(&helper, Permissions::from_mode(0o775)).unwrap();
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&helper, &link).unwrap();
        assert!(check(&words(&link)).is_err());
        assert!(check(&["/bin/sh".to_owned(), helper.to_str().unwrap().to_owned()]).is_err());
        assert!(check(&["sh".to_owned()]).is_err());
        assert!(check(&words(&folder)).is_err());
    }
}
