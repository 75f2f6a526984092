//! Certificate and key: read at the start, and again on SIGHUP; a pair that cannot be read leaves the old one in place.

use super::fault::ServeFault;
use crate::config::check_private;
use axum_server::tls_rustls::RustlsConfig;
use std::path::{Path, PathBuf};

/// A certificate that can be read again.
#[derive(Clone)]
pub struct Certificate {
    pub config: RustlsConfig,
    chain: PathBuf,
    key: PathBuf,
}

impl Certificate {
    pub async fn read(chain: PathBuf, key: PathBuf) -> Result<Self, ServeFault> {
        // A second call changes nothing, and that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        private(&key)?;
        let config = RustlsConfig::from_pem_file(&chain, &key).await.map_err(|error| unread(&chain, &key, &error))?;
        Ok(Self { config, chain, key })
    }

    /// Reads both files again.
    pub async fn reload(&self) -> Result<(), ServeFault> {
        private(&self.key)?;
        let read = self.config.reload_from_pem_file(&self.chain, &self.key).await;
        read.map_err(|error| unread(&self.chain, &self.key, &error))
    }
}

fn unread(chain: &Path, key: &Path, error: &std::io::Error) -> ServeFault {
    let (chain, key) = (chain.display(), key.display());
    ServeFault::Tls(format!("the certificate {chain} with the key {key} cannot be used: {error}"))
}

/// A key that others can read is no secret.
fn private(key: &Path) -> Result<(), ServeFault> {
    check_private(key).map_err(|fault| ServeFault::Tls(format!("{}: {}; {}", fault.file, fault.sentence, fault.cure)))
}
