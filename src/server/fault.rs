//! Why there is no server.

/// Why there is no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServeFault {
    /// An address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(String),
    /// A certificate cannot be used.
    #[error("{0}")]
    Tls(String),
}
