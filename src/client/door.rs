//! The way to a host before anybody has gone it: named cheaply, opened later. A dashboard draws before it opens it.

use super::{Address, Client, ClientError, embedded};
use crate::config::Paths;
use crate::secret::Secret;
use std::path::PathBuf;

/// Which host, and as whom.
#[derive(Debug, Clone)]
pub enum Door {
    /// The configured hosts, the first that answers.
    Hosts {
        /// Where they are.
        addresses: Vec<Address>,
        /// The personal token; a socket needs none.
        token: Option<Secret>,
    },
    /// The embedded one of this account, joined or started.
    Embedded {
        /// Where it lies.
        paths: Paths,
        /// The program that serves it.
        program: PathBuf,
    },
}

impl Door {
    /// Opens it. The embedded host is started where none runs.
    pub async fn open(&self) -> Result<Client, ClientError> {
        match self {
            Self::Hosts { addresses, token } => Client::new(addresses.clone(), token.clone()),
            Self::Embedded { paths, program } => embedded::join_or_start(paths, program).await,
        }
    }

    /// The first address that somebody on another machine could use, too.
    pub fn address(&self) -> Option<&str> {
        let Self::Hosts { addresses, .. } = self else { return None };
        addresses.iter().find_map(|address| match address {
            Address::Http(url) if url.starts_with("https://") => Some(url.as_str()),
            _ => None,
        })
    }

    /// Whether everything behind it is on this machine, so that asking often costs nobody anything.
    pub fn is_near(&self) -> bool {
        match self {
            Self::Hosts { addresses, .. } => addresses.iter().all(|address| matches!(address, Address::Unix(_))),
            Self::Embedded { .. } => true,
        }
    }

    /// Whose view of which host this is, as one word that tells neither.
    pub fn binding(&self) -> String {
        let (addresses, token) = match self {
            Self::Hosts { addresses, token } => {
                (addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), token.as_ref())
            }
            Self::Embedded { paths, .. } => (Address::Unix(paths.socket()).to_string(), None),
        };
        let token = token.map(crate::secret::token_hash).unwrap_or_default();
        crate::secret::token_hash(&Secret::new(format!("{addresses}\n{token}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_host_or_another_person_is_another_binding() {
        let hosts = |url: &str, token: Option<&str>| Door::Hosts {
            addresses: vec![Address::Http(url.into())],
            token: token.map(Secret::new),
        };
        let one = hosts("https://a.example", Some("t")).binding();
        assert_eq!(one, hosts("https://a.example", Some("t")).binding());
        for other in [hosts("https://b.example", Some("t")), hosts("https://a.example", None)] {
            assert_ne!(one, other.binding());
        }
        assert_eq!(hosts("https://a.example", None).address(), Some("https://a.example"));
        assert_eq!(hosts("http://127.0.0.1:1", None).address(), None);
        assert!(!one.contains("example") && !hosts("https://a.example", None).is_near());
    }
}
