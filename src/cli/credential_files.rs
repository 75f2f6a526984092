//! A credential as private files: which files a set of fields makes, and their life on disk.
//!
//! Everything lies in a folder of its own, mode 0700, that is gone when this value is.

use super::exit::Trouble;
use super::settings::faulty;
use crate::access::RequestNumber;
use crate::config::paths::private_folder;
use crate::secret::{self, Secret};
use serde_json::{Map, Value};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Which files there will be, and which variables of the environment name them.
#[derive(Debug)]
pub struct CredentialFiles {
    /// The file's name, its text, and the variable that holds its path.
    files: Vec<(&'static str, Secret, &'static str)>,
    /// What is not secret and goes into the environment as it is.
    plain: Vec<(&'static str, String)>,
}

impl CredentialFiles {
    /// Of these fields. All of them are in a JSON file; what well-known programs read is there in their form, too.
    pub fn of(fields: &Map<String, Value>) -> Result<Self, Trouble> {
        let json = serde_json::to_string(fields)
            .map_err(|e| Trouble::fault(format!("the credential cannot be kept: {e}"), "report it"))?;
        let mut made = Self {
            files: vec![("credential.json", Secret::new(json + "\n"), "NIGHTLATCH_CREDENTIAL_FILE")],
            plain: Vec::new(),
        };
        made.postgres(fields);
        if let Some(certificate) = field(fields, "certificate") {
            let text = certificate.trim_end().to_owned() + "\n";
            made.files.push(("certificate", Secret::new(text), "NIGHTLATCH_CERTIFICATE_FILE"));
        }
        Ok(made)
    }

    /// libpq's password file, with the rest of the address in libpq's variables.
    fn postgres(&mut self, fields: &Map<String, Value>) {
        let all = ["host", "port", "dbname", "user", "password"].map(|name| field(fields, name));
        let [Some(host), Some(port), Some(dbname), Some(user), Some(password)] = all else { return };
        let parts = [&host, &port, &dbname, &user, &password];
        // A line break would begin another line of the file; such fields are in the JSON file only.
        if parts.iter().any(|part| part.contains(['\n', '\r', '\0'])) {
            return;
        }
        let line = |host: &String| {
            let parts = [host, &port, &dbname, &user, &password];
            parts.map(|part| part.replace('\\', "\\\\").replace(':', "\\:")).join(":") + "\n"
        };
        let mut lines = line(&host);
        if host.starts_with('/') {
            // By that name libpq looks for its own default folder of sockets.
            lines += &line(&"localhost".to_owned());
        }
        self.files.push(("pgpass", Secret::new(lines), "PGPASSFILE"));
        if let Some(mode) =
            field(fields, "sslmode").filter(|mode| mode.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        {
            self.plain.push(("PGSSLMODE", mode));
        }
        self.plain.extend([("PGHOST", host), ("PGPORT", port), ("PGDATABASE", dbname), ("PGUSER", user)]);
    }
}

fn field(fields: &Map<String, Value>, name: &str) -> Option<String> {
    match fields.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The files on disk. Dropping it takes them away.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Kept {
    /// Writes them into a new folder below `runtime`.
    pub fn write(runtime: &Path, id: RequestNumber, files: CredentialFiles) -> Result<Self, Trouble> {
        private_folder(runtime).map_err(|fault| faulty(&[fault]))?;
        let chance = secret::hex::<8>().map_err(|e| Trouble::fault(e, "try again"))?;
        let folder = runtime.join(format!("connect-{}-{chance}", id.0));
        let wrong = |e: std::io::Error| {
            Trouble::fault(
                format!("the credential cannot be kept in {}: {e}", runtime.display()),
                "see that there is room and that the folder is yours; then take the credential again",
            )
        };
        DirBuilder::new().mode(0o700).create(&folder).map_err(wrong)?;
        let mut kept = Self { folder, environment: files.plain };
        for (name, text, variable) in files.files {
            let path = kept.folder.join(name);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(wrong)?;
            file.write_all(text.reveal().as_bytes()).map_err(wrong)?;
            kept.environment.push((variable, path.display().to_string()));
        }
        Ok(kept)
    }

    /// What the command finds in its environment: paths, and what is not secret.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Nothing more can be done here; the runtime folder is gone at the next boot.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables(fields: &Value) -> Vec<&'static str> {
        let made = CredentialFiles::of(fields.as_object().unwrap()).unwrap();
        made.files.iter().map(|(.., variable)| *variable).chain(made.plain.iter().map(|(name, _)| *name)).collect()
    }

    #[test]
    fn well_known_programs_find_their_own_form() {
        assert_eq!(variables(&json!({"token": "x"})), ["NIGHTLATCH_CREDENTIAL_FILE"]);
        let pg = json!({"host": "h", "port": "5432", "dbname": "d", "user": "u", "password": "p"});
        assert_eq!(
            variables(&pg),
            ["NIGHTLATCH_CREDENTIAL_FILE", "PGPASSFILE", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER"]
        );
        let odd = json!({"host": "h", "port": 1, "dbname": "d", "user": "u\nh:1:d:u:p", "password": "p"});
        assert_eq!(variables(&odd), ["NIGHTLATCH_CREDENTIAL_FILE"]);
        assert!(variables(&json!({"certificate": "ssh-ed25519-cert…"})).contains(&"NIGHTLATCH_CERTIFICATE_FILE"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let made = CredentialFiles::of(json!({"token": "s3cret"}).as_object().unwrap()).unwrap();
        assert!(!format!("{made:?}").contains("s3cret"));
    }
}
