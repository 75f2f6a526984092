//! The file of a Unix socket: put in its place whole, with its mode, and taken away again only if it is still ours.

use super::fault::ServeFault;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A socket's file; dropping it removes the file.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|now| now == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino()))
}

/// Binds a socket at `path`. A file left by a server that is gone is replaced; anything else there is left alone.
pub fn bind(path: &Path, mode: u32) -> Result<(UnixListener, SocketFile), ServeFault> {
    let fault = |sentence: String| ServeFault::Listen(format!("unix:{}: {sentence}", path.display()));
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(fault("there is a file there that is no socket: choose another path, or remove it".into()));
        }
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => return Err(fault("another server answers there: stop it, or choose another path".into())),
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {}
            Err(error) => return Err(fault(format!("it cannot be told whether a server answers there: {error}"))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(fault(format!("{error}: see that this account may enter its folder"))),
    }
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(fault("this is no path for a file".into())),
    };
    place(folder, path, mode).map_err(|error| match error.kind() {
        ErrorKind::NotFound => fault(format!("its folder is not there: mkdir -p {}", folder.display())),
        ErrorKind::PermissionDenied => fault("this account may not write into its folder".into()),
        ErrorKind::InvalidInput => fault("the path is too long for a socket: choose a shorter one".into()),
        _ => fault(error.to_string()),
    })
}

/// Made in a private folder and moved, so that it is never there with a wider mode.
fn place(folder: &Path, path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let private = folder.join(format!(".nl-{}", crate::secret::hex::<4>().map_err(io::Error::other)?));
    fs::DirBuilder::new().mode(0o700).create(&private)?;
    let inner = private.join("s");
    let placed = (|| {
        let listener = UnixListener::bind(&inner)?;
        fs::set_permissions(&inner, fs::Permissions::from_mode(mode & 0o777))?;
        listener.set_nonblocking(true)?;
        let inode = inode(&inner)?;
        fs::rename(&inner, path)?;
        Ok((listener, SocketFile { path: path.to_owned(), inode }))
    })();
    let _ = fs::remove_file(&inner);
    let _ = fs::remove_dir(&private);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_socket_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sock");
        let (listener, file) = bind(&path, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(bind(&path, 0o600).unwrap_err().to_string().contains("another server answers there"));

        std::mem::forget(file);
        drop(listener);
        let (listener, file) = bind(&path, 0o666).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        drop((listener, file));
        assert!(!path.exists());

        fs::write(&path, "mine").unwrap();
        assert!(bind(&path, 0o600).unwrap_err().to_string().contains("no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        let nowhere = folder.path().join("a/b/sock");
        assert!(bind(&nowhere, 0o600).unwrap_err().to_string().contains("mkdir -p"));
        let long = folder.path().join("x".repeat(120));
        assert!(bind(&long, 0o600).is_ok() || !long.exists());
    }
}
