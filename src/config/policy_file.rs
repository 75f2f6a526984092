//! The policy's files, read into one [`Source`]: the main one, and what it includes from its folder.
//!
//! Reads only regular files that nobody but their owner can change, and at most 1 MiB of them. Judges nothing.

use super::files::{check_not_shared, fault, io_fault, open, read_bounded};
use super::{account, files};
use crate::policy::document::Document;
use crate::policy::raw::{RawPolicy, SECTIONS};
use crate::policy::{Fault, Source, source};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// The most files that a policy may have.
const MOST_FILES: usize = 256;

/// A policy as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// The main file.
    pub path: PathBuf,
    /// All texts, the main one first; names are relative to the main file's folder.
    pub source: Source,
    /// Whose file it is: who changed the policy, in the record.
    pub by: String,
}

impl PolicyFile {
    /// Reads a policy and what it includes.
    pub fn load(path: &Path) -> Result<Self, Vec<Fault>> {
        let (main, uid) = read_one(path, source::LONGEST).map_err(|fault| vec![fault])?;
        let name =
            path.file_name().map_or_else(|| "policy.toml".to_owned(), |name| name.to_string_lossy().into_owned());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut left = source::LONGEST.saturating_sub(main.len());
        let included = included(path, &name, &main, folder)?;
        let mut faults = Vec::new();
        let mut source = Source::one(&name, &main);
        for file in included {
            let shown = file.strip_prefix(folder).unwrap_or(&file);
            let Some(shown) = shown.to_str().filter(|shown| !shown.chars().any(char::is_control)) else {
                faults.push(fault(&file, "its name cannot be written in a record", "rename it, in plain letters"));
                continue;
            };
            match read_one(&file, left) {
                Ok((text, _)) => {
                    left = left.saturating_sub(text.len());
                    source.files.push((shown.to_owned(), text));
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() {
            Ok(Self { path: path.to_owned(), source, by: account::name_of(uid) })
        } else {
            Err(faults)
        }
    }
}

/// One file's text and its owner.
fn read_one(path: &Path, left: usize) -> Result<(String, u32), Fault> {
    let (file, metadata) = open(path)?;
    check_not_shared(path, &metadata)?;
    let left = u64::try_from(left).unwrap_or(files::LONGEST);
    if metadata.len() > left {
        let sentence = format!("with it the policy has more than {} bytes", source::LONGEST);
        return Err(fault(path, &sentence, "take out what is not used"));
    }
    Ok((read_bounded(path, file, left)?, metadata.uid()))
}

/// The files that the main one includes, each once, in the order of the patterns and then of their names.
fn included(path: &Path, name: &str, main: &str, folder: &Path) -> Result<Vec<PathBuf>, Vec<Fault>> {
    let mut document = Document::parse([(name, main)], &SECTIONS);
    // Whatever else is wrong in it is told when it is judged.
    let top: RawPolicy = document.top();
    let shown = path.display().to_string();
    let told = |document: &Document<'_>, sentence: String, cure: &str| {
        let (_, line) = document.place(&["include"]);
        vec![Fault::new(&shown, line, &sentence, cure)]
    };
    let mut found: Vec<PathBuf> = Vec::new();
    for pattern in &top.include {
        let inside =
            Path::new(pattern).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || pattern.is_empty() {
            let sentence = format!("include names {pattern:?}, which is not below the policy's folder");
            return Err(told(&document, sentence, "write a pattern such as \"policy.d/*.toml\""));
        }
        // The folder's own name may hold what a pattern would take for a wild card.
        let whole = format!("{}/{pattern}", glob::Pattern::escape(&folder.display().to_string()));
        let matches = glob::glob(&whole).map_err(|error| {
            let sentence = format!("include has {pattern:?}, which is no pattern: {}", error.msg);
            told(&document, sentence, "write a pattern such as \"policy.d/*.toml\"")
        })?;
        for file in matches {
            let file = file.map_err(|error| vec![io_fault(error.path(), error.error())])?;
            if file != path
                && !found.contains(&file)
                && file.file_name() != path.file_name().filter(|_| file.parent() == Some(folder))
            {
                found.push(file);
            }
            if found.len() > MOST_FILES {
                let sentence = format!("include finds more than {MOST_FILES} files");
                return Err(told(&document, sentence, "write a narrower pattern"));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }

    #[test]
    fn a_policy_is_its_main_file_and_what_it_includes() {
        let folder = tempfile::Builder::new().prefix("we[ird]*").tempdir().unwrap();
        let main = folder.path().join("policy.toml");
        write(&main, "include = [\"policy.d/*.toml\", \"nothing/*.toml\", \"*.toml\"]\nzone = 5\n");
        fs::create_dir(folder.path().join("policy.d")).unwrap();
        write(&folder.path().join("policy.d/b.toml"), "b = 1\n");
        write(&folder.path().join("policy.d/a.toml"), "a = 1\n");
        write(&folder.path().join("policy.d/c.txt"), "c = 1\n");
        let policy = PolicyFile::load(&main).unwrap();
        let names: Vec<&str> = policy.source.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["policy.toml", "policy.d/a.toml", "policy.d/b.toml"]);
        assert_eq!(policy.by, account::own().unwrap().name);
    }

    #[test]
    fn a55_a_policy_that_others_can_change_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("policy.toml");
        write(&main, "include = [\"x.toml\"]\n");
        let other = folder.path().join("x.toml");
        write(&other, "a = 1\n");
        for (path, mode) in [(&main, 0o664), (&other, 0o646)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let told = PolicyFile::load(&main).unwrap_err();
            assert_eq!(told.len(), 1);
            let says = format!("run: chmod go-w {}", path.display());
            assert!(told.iter().any(|fault| fault.to_string().contains(&says)), "{told:?}");
            fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
        }
        assert!(PolicyFile::load(&main).is_ok());
    }

    #[test]
    fn what_leads_out_of_the_folder_or_is_too_much_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("policy.toml");
        for (include, says) in [
            ("../x.toml", "policy.toml:1: include names \"../x.toml\", which is not below"),
            ("/etc/passwd", "is not below the policy's folder"),
            ("a[", "which is no pattern"),
        ] {
            write(&main, &format!("include = [\"{include}\"]\n"));
            let told = PolicyFile::load(&main).unwrap_err();
            assert!(told.iter().any(|fault| fault.to_string().contains(says)), "{told:?}");
        }
        write(&main, "include = [\"big.toml\"]\n");
        write(&folder.path().join("big.toml"), &"#".repeat(1024 * 1024));
        let told = PolicyFile::load(&main).unwrap_err();
        assert!(
            told.iter().any(|fault| fault.to_string().contains("with it the policy has more than 1048576 bytes")),
            "{told:?}"
        );
    }
}
