//! Where things lie for one account: the XDG folders, and a runtime folder that is there even without them.

use super::account;
use super::files::{fault, shell};
use crate::policy::Fault;
use directories::ProjectDirs;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The folders of one account; none of them need be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Settings: `config.toml`, and for the embedded store `server.toml` and `policy.toml`.
    pub config: PathBuf,
    /// The embedded store, and the token.
    pub data: PathBuf,
    /// What can be fetched again.
    pub cache: PathBuf,
    /// Logs of what runs in front of somebody.
    pub state: PathBuf,
    /// Sockets and credentials; gone at the next boot.
    pub runtime: PathBuf,
}

impl Paths {
    /// The folders of the account that this program runs as.
    pub fn find() -> Result<Self, Fault> {
        let Some(folders) = ProjectDirs::from("", "", "nightlatch") else {
            let (sentence, cure) = ("this account has no home folder", "set HOME, or name the files with --config");
            return Err(Fault::new("environment", 0, sentence, cure));
        };
        let uid = rustix::process::geteuid().as_raw();
        // Under another account's session (su, sudo) the variable may still name that account's folder.
        let named = folders.runtime_dir().filter(|folder| {
            folder.parent().and_then(|parent| parent.metadata().ok()).is_some_and(|parent| parent.uid() == uid)
        });
        Ok(Self {
            config: folders.config_dir().to_owned(),
            data: folders.data_dir().to_owned(),
            cache: folders.cache_dir().to_owned(),
            state: folders.state_dir().unwrap_or_else(|| folders.data_dir()).to_owned(),
            runtime: named.map_or_else(|| fallback(uid), Path::to_owned),
        })
    }

    /// All folders below one, for tests and demos.
    pub fn below(folder: &Path) -> Self {
        let below = |name| folder.join(name);
        Self {
            config: below("config"),
            data: below("data"),
            cache: below("cache"),
            state: below("state"),
            runtime: below("run"),
        }
    }

    /// `config.toml`
    pub fn client_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }
    /// `server.toml` of the embedded store.
    pub fn server_file(&self) -> PathBuf {
        self.config.join("server.toml")
    }
    /// `policy.toml` of the embedded store.
    pub fn policy_file(&self) -> PathBuf {
        self.config.join("policy.toml")
    }
    /// The personal token, unless `config.toml` names another file.
    pub fn token_file(&self) -> PathBuf {
        self.data.join("token")
    }
    /// The embedded store.
    pub fn store_file(&self) -> PathBuf {
        self.data.join("store.db")
    }
    /// The file on which every dashboard of the embedded store holds a shared lock.
    pub fn dashboards(&self) -> PathBuf {
        self.runtime.join("dashboards")
    }
    /// The embedded server's socket.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("sock")
    }
}

fn fallback(uid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/nightlatch-{uid}"))
}

/// Makes a folder that only this account can enter, or makes sure that it is one. Anybody could have put one there first
/// (below `/tmp`), so a link, a foreign owner or a wide mode is refused.
pub fn private_folder(path: &Path) -> Result<(), Fault> {
    if let Some(parent) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(|error| {
            fault(parent, &format!("the folder cannot be made: {error}"), "check the path and its owner")
        })?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(fault(path, &format!("the folder cannot be made: {error}"), "check the path and its owner"));
        }
        _ => {}
    }
    let metadata = path.symlink_metadata().map_err(|error| fault(path, &error.to_string(), "check the path"))?;
    let uid = rustix::process::geteuid().as_raw();
    if !metadata.is_dir() {
        return Err(fault(path, "it is not a folder, or only a link to one", &format!("run: rm {}", shell(path))));
    }
    if metadata.uid() != uid {
        let sentence = format!("the folder belongs to another account, {}", account::name_of(metadata.uid()));
        return Err(fault(path, &sentence, "ask them to take it away, or set XDG_RUNTIME_DIR to a folder of yours"));
    }
    if metadata.mode() & 0o077 != 0 {
        let sentence = format!("the folder's mode is {:04o}: others can enter it", metadata.mode() & 0o7777);
        return Err(fault(path, &sentence, &format!("run: chmod 700 {}", shell(path))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_private_folder_is_made_and_a_wide_one_or_a_link_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        assert_eq!(private_folder(&path), Ok(()));
        assert_eq!(private_folder(&path), Ok(()));
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(private_folder(&path).unwrap_err().to_string().contains("run: chmod 700"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(private_folder(&link).unwrap_err().to_string().contains("only a link"));
    }

    #[test]
    fn the_runtime_folder_never_belongs_to_somebody_else() {
        assert_eq!(fallback(1001), Path::new("/tmp/nightlatch-1001"));
        let paths = Paths::find().unwrap();
        assert!(paths.runtime.ends_with("nightlatch") || paths.runtime.starts_with("/tmp"), "{paths:?}");
        assert_eq!(Paths::below(Path::new("/x")).socket(), Path::new("/x/run/sock"));
    }
}
