//! The only way out to foreign HTTP: addresses are looked at before a byte is sent, also after DNS; no redirect is followed; time
//! and size are bounded; ring is the only cryptography.
//!
//! Must never let an answer, a name or a redirect of a foreign server reach into our own network, and never repeat an address
//! in a sentence: feeds carry their secret in it.

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take, all of it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How much of an answer that nobody reads is taken, in bytes, and for how long.
const POLITE: usize = 64 * 1024;
const POLITE_FOR: Duration = Duration::from_secs(1);

/// What came back for something that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub code: u16,
    /// What it says of when to try again.
    pub pause: Option<Duration>,
}

/// A host or a network that may be reached although it is not public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    /// A host by its name, lower case.
    Host(String),
    /// A network: its address and how many bits of it count.
    Net(IpAddr, u8),
}

impl FromStr for Allow {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        if let Ok(address) = address.parse::<IpAddr>() {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most));
            return bits.map(|bits| Self::Net(address, bits)).ok_or_else(|| format!("{text:?} is no network"));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if bits.is_none() && (1..=253).contains(&text.len()) && text.chars().all(fits) {
            return Ok(Self::Host(text.to_ascii_lowercase()));
        }
        Err(format!("{text:?} is neither a host nor a network"))
    }
}

impl Allow {
    fn covers(&self, address: IpAddr) -> bool {
        let Self::Net(net, bits) = self else { return false };
        let same = |a: u128, b: u128, long: u32| {
            let low = long.saturating_sub(u32::from(*bits));
            low >= long || (a >> low) == (b >> low)
        };
        match (net, address) {
            (IpAddr::V4(net), IpAddr::V4(address)) => same(net.to_bits().into(), address.to_bits().into(), 32),
            (IpAddr::V6(net), IpAddr::V6(address)) => same(net.to_bits(), address.to_bits(), 128),
            _ => false,
        }
    }
}

/// A client for foreign HTTP. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    /// Made when it is needed first: few houses ask outside, and the machine's certificates take time and memory.
    http: Arc<OnceLock<reqwest::Client>>,
    allow: Arc<[Allow]>,
    patience: Duration,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("allow", &self.allow).finish_non_exhaustive()
    }
}

impl Outbound {
    /// A client that may also reach `allow`.
    pub fn new(allow: Vec<Allow>) -> Self {
        Self::patient(allow, PATIENCE)
    }

    /// The same with another patience.
    pub fn patient(allow: Vec<Allow>, patience: Duration) -> Self {
        Self { http: Arc::default(), allow: allow.into(), patience }
    }

    /// What sends; made by the first who asks. What could not be made is tried again by the next.
    fn http(&self) -> Result<&reqwest::Client, String> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        // A second call changes nothing, and that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT.min(self.patience))
            .timeout(self.patience)
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would look names up in our place, behind the guard.
            .no_proxy()
            .pool_max_idle_per_host(0)
            .dns_resolver(Guard { allow: self.allow.clone() })
            .user_agent(concat!("nightlatch/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                format!("no connection can be made to the outside: {error}: see the machine's certificates")
            })?;
        Ok(self.http.get_or_init(|| http))
    }

    /// Reads a text of at most `most` bytes. The error is a sentence without the address.
    pub async fn text(&self, url: &str, most: usize) -> Result<String, String> {
        let url = self.checked(url)?;
        let mut response = self.http()?.get(url).send().await.map_err(|error| self.said(error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(format!(
                "it answered {status}, a redirect, which is not followed: write the address it leads to"
            ));
        }
        if status.as_u16() != 200 {
            return Err(format!("it answered {status}"));
        }
        let too_long = || format!("it is longer than {} MB", most / 1024 / 1024);
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(too_long());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.said(error))? {
            if bytes.len() + chunk.len() > most {
                return Err(too_long());
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
    }

    /// Sends a body of JSON, and says what came back; what the answer holds is looked at by nobody. The error is a sentence
    /// without the address.
    pub async fn post(&self, url: &str, headers: &[(&str, &str)], body: String) -> Result<Answer, String> {
        let url = self.checked(url)?;
        let mut request = self.http()?.post(url).header("content-type", "application/json").body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send().await.map_err(|error| self.said(error))?;
        let pause = response.headers().get("retry-after").and_then(|text| text.to_str().ok()?.trim().parse().ok());
        // A little of it is taken, so that whoever writes it is not cut off; what it is worth, its status says already.
        let mut left = POLITE;
        let hearing = async {
            while let Ok(Some(chunk)) = response.chunk().await
                && left > chunk.len()
            {
                left -= chunk.len();
            }
        };
        let _ = tokio::time::timeout(POLITE_FOR, hearing).await;
        Ok(Answer { code: response.status().as_u16(), pause: pause.map(Duration::from_secs) })
    }

    /// The address, if it may be asked. A host that is an address does not pass by the resolver, so it is looked at here.
    fn checked(&self, url: &str) -> Result<Url, String> {
        let url = Url::parse(url).map_err(|_| "it is no address that can be read".to_owned())?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        let named = self.allow.contains(&Allow::Host(host.clone()));
        let address: Option<IpAddr> = host.parse().ok();
        let allowed = named || address.is_some_and(|address| self.allow.iter().any(|allow| allow.covers(address)));
        match url.scheme() {
            "https" => {}
            // Without TLS anybody between could say who is on duty.
            "http" if allowed => {}
            "http" => return Err("it is not encrypted: write https://, or allow the host in server.toml".into()),
            _ => return Err("only https:// is read".into()),
        }
        if address.is_some_and(|address| !allowed && !is_public(address)) {
            return Err(PRIVATE.into());
        }
        Ok(url)
    }

    fn said(&self, error: reqwest::Error) -> String {
        let error = error.without_url();
        if error.is_timeout() {
            return format!("it did not answer within {} s", self.patience.as_secs().max(1));
        }
        let mut last: &dyn std::error::Error = &error;
        while let Some(deeper) = last.source() {
            last = deeper;
        }
        if error.is_connect() { format!("it cannot be reached: {last}") } else { format!("it broke off: {last}") }
    }
}

const PRIVATE: &str = "its host is in a private network: name it in server.toml, in the allow that belongs to it";

/// Looks names up and hands out only addresses that may be reached, so that what was looked at is what is connected to.
struct Guard {
    allow: Arc<[Allow]>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow.clone();
        Box::pin(async move {
            let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let named = allow.contains(&Allow::Host(host));
            let may = |at: &SocketAddr| named || is_public(at.ip()) || allow.iter().any(|a| a.covers(at.ip()));
            let good: Vec<SocketAddr> = found.into_iter().filter(may).collect();
            if good.is_empty() {
                return Err(Box::from(PRIVATE));
            }
            let good: Addrs = Box::new(good.into_iter());
            Ok(good)
        })
    }
}

/// Whether an address is one of the public internet: not this machine, not a private, link-local, shared, metadata, test or
/// multicast one, also not one of those in the clothes of IPv6.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    const NOT: [(u8, u8, u8, u32); 16] = [
        (0, 0, 0, 8),
        (10, 0, 0, 8),
        (100, 64, 0, 10),
        (127, 0, 0, 8),
        (169, 254, 0, 16),
        (172, 16, 0, 12),
        (192, 0, 0, 24),
        (192, 0, 2, 24),
        (192, 31, 196, 24),
        (192, 52, 193, 24),
        (192, 88, 99, 24),
        (192, 168, 0, 16),
        (198, 18, 0, 15),
        (198, 51, 100, 24),
        (203, 0, 113, 24),
        (224, 0, 0, 3),
    ];
    let bits = address.to_bits();
    !NOT.iter().any(|(a, b, c, long)| {
        let net = Ipv4Addr::new(*a, *b, *c, 0).to_bits();
        bits >> (32 - long) == net >> (32 - long)
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [first, second, ..] = address.segments();
    // Only the space that is handed out; in it not: protocol assignments and Teredo, documentation, 6to4.
    let handed_out = (0x2000..0x4000).contains(&first);
    let special = (first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        || first == 0x2002
        || (first == 0x3fff && second < 0x1000);
    handed_out && !special
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn only_the_public_internet_is_public() {
        let not = "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.31.255.255 192.168.1.1 192.0.0.192 198.19.0.1 \
            224.0.0.1 255.255.255.255 ::1 :: fe80::1 fd00:ec2::254 ff02::1 ::ffff:169.254.169.254 ::ffff:127.0.0.1 \
            64:ff9b::a00:1 2002:a00:1:: 2001:0:1:: 2001:db8::1 fec0::1 ::127.0.0.1";
        for address in not.split_whitespace() {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in "1.1.1.1 8.8.8.8 100.63.0.1 172.32.0.1 2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8".split(' ') {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_may_be_allowed() {
        assert_eq!("Calendar.Internal".parse(), Ok(Allow::Host("calendar.internal".into())));
        let net: Allow = "10.1.0.0/16".parse().unwrap();
        assert!(net.covers("10.1.200.3".parse().unwrap()) && !net.covers("10.2.0.1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Allow>().unwrap().covers("10.2.0.1".parse().unwrap()));
        assert!("fd00::/8".parse::<Allow>().unwrap().covers("fd12::1".parse().unwrap()));
        for bad in ["10.0.0.0/33", "", "a b", "http://x", "10.0.0.0/x"] {
            assert!(bad.parse::<Allow>().is_err(), "{bad}");
        }
    }

    /// Answers every connection with `answer`, and then says nothing more.
    async fn serves(answer: String) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut heard = vec![0; 4096];
                    let _ = stream.read(&mut heard).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    // Held open: only the length says where it ends.
                    let _ = stream.read(&mut heard).await;
                });
            }
        });
        port
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    fn here() -> Outbound {
        Outbound::new(vec!["127.0.0.1".parse().unwrap()])
    }

    #[tokio::test]
    async fn private_addresses_are_refused_by_number_and_by_name() {
        let port = serves(ok("secret")).await;
        let out = Outbound::new(Vec::new());
        for host in ["127.0.0.1", "[::1]", "169.254.169.254", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]
        {
            let said = out.text(&format!("https://{host}:{port}/feed?token=abc"), 100).await.unwrap_err();
            assert!(said.contains("private network"), "{host}: {said}");
            assert!(!said.contains("abc"), "{said}");
        }
        let said = out.text(&format!("http://127.0.0.1:{port}/"), 100).await.unwrap_err();
        assert!(said.contains("not encrypted"), "{said}");
        assert!(out.text("file:///etc/passwd", 100).await.unwrap_err().contains("only https"));
        assert_eq!(here().text(&format!("http://127.0.0.1:{port}/"), 100).await.as_deref(), Ok("secret"));
        let by_name = Outbound::new(vec!["localhost".parse().unwrap()]);
        assert_eq!(by_name.text(&format!("http://localhost:{port}/"), 100).await.as_deref(), Ok("secret"));
    }

    #[tokio::test]
    async fn redirects_errors_and_lengths() {
        let there =
            serves("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".into()).await;
        let said = here().text(&format!("http://127.0.0.1:{there}/"), 100).await.unwrap_err();
        assert!(said.contains("a redirect, which is not followed"), "{said}");
        let denied = serves("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".into()).await;
        assert!(here().text(&format!("http://127.0.0.1:{denied}/"), 100).await.unwrap_err().contains("403"));
        let long = serves(ok(&"x".repeat(101))).await;
        assert!(here().text(&format!("http://127.0.0.1:{long}/"), 100).await.unwrap_err().contains("longer than"));
        // Without a length it is counted while it comes.
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
        let endless = serves(chunked + "40\r\n" + &"y".repeat(64) + "\r\n40\r\n" + &"y".repeat(64) + "\r\n").await;
        assert!(here().text(&format!("http://127.0.0.1:{endless}/"), 100).await.unwrap_err().contains("longer than"));
        let odd = serves("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\u{e9}".into()).await;
        assert!(here().text(&format!("http://127.0.0.1:{odd}/"), 100).await.unwrap_err().contains("UTF-8"));
    }

    #[tokio::test]
    async fn one_that_hangs_is_given_up() {
        let hangs = serves("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nbegun".into()).await;
        let out = Outbound::patient(vec!["127.0.0.1".parse().unwrap()], Duration::from_millis(200));
        let said = out.text(&format!("http://127.0.0.1:{hangs}/"), 100).await.unwrap_err();
        assert!(said.contains("did not answer within"), "{said}");
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let said = here().text(&format!("http://127.0.0.1:{nobody}/"), 100).await.unwrap_err();
        assert!(said.contains("cannot be reached"), "{said}");
    }
}
