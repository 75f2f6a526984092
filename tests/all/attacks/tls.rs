//! TLS to the real binary, with a certificate of an authority that only these tests know.

use crate::support::served::{PATIENCE, Start, bare, stdout, until};
use crate::support::{TempFolder, binary};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// A server for `localhost`; it ends with the value.
struct Server {
    child: Child,
    folder: Arc<TempFolder>,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let start = Start { more: "[tls]\ncert = \"server.pem\"\nkey = \"server.key\"\n", ..Start::tcp() };
        start.files();
        let folder = start.folder;
        folder.write("server.pem", include_str!("certificates/server.pem"));
        folder.write("authority.pem", include_str!("certificates/authority.pem"));
        folder.write("server.key", include_str!("certificates/server.key"));
        std::fs::set_permissions(folder.join("server.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut child = Command::new(binary())
            .args(["serve", "--config"])
            .arg(folder.join("server.toml"))
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        Self { child, folder, port: port.unwrap_or_else(|| panic!("it said {line:?}")) }
    }

    /// What `whoami` says there, and how it ended; `trusts`: whether the machine knows the authority.
    fn asked_at(&self, host: &str, trusts: bool) -> (Option<i32>, String) {
        let mut command = bare(self.folder.path());
        command.env("NIGHTLATCH_STORE", format!("https://{host}:{}", self.port)).arg("whoami");
        if trusts {
            command.env("SSL_CERT_FILE", self.folder.join("authority.pem"));
        }
        let out = command.output().unwrap();
        (out.status.code(), stdout(&out) + &String::from_utf8_lossy(&out.stderr))
    }

    /// The first bytes that come back for a greeting in this version of TLS.
    fn greeted(&self, version: [u8; 2]) -> Vec<u8> {
        let suites = [0xc0, 0x13, 0xc0, 0x14, 0xc0, 0x2b, 0x00, 0x2f, 0x00, 0x35];
        let mut hello = [version.as_slice(), &[7; 32], &[0, 0, 10], &suites, &[1, 0]].concat();
        // Groups and signatures, as everybody sends them.
        let more = [0, 10, 0, 4, 0, 2, 0, 0x17, 0, 13, 0, 4, 0, 2, 4, 3, 0, 11, 0, 2, 1, 0];
        hello.extend([0, 22]);
        hello.extend(more);
        let length = u16::try_from(hello.len()).unwrap();
        let [high, low] = length.to_be_bytes();
        let [first, second] = (length + 4).to_be_bytes();
        let record = [&[0x16, 3, 1, first, second, 1, 0, high, low], hello.as_slice()].concat();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&record).unwrap();
        let mut answer = vec![0; 7];
        stream.read_exact(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a39_a_certificate_of_another_authority_or_name_is_refused() {
    let server = Server::start();
    // Nobody is signed in, but the server was believed.
    let (code, said) =
        until("it answers", || Some(server.asked_at("localhost", true)).filter(|(code, _)| *code != Some(7)));
    assert!(said.contains("login"), "{code:?} {said}");
    let (code, said) = server.asked_at("localhost", false);
    assert!(code == Some(7) && said.contains("certificate"), "{code:?} {said}");
    let (code, said) = server.asked_at("127.0.0.1", true);
    assert!(code == Some(7) && said.contains("certificate"), "{code:?} {said}");
}

#[test]
fn a39_old_tls_is_refused() {
    const ALERT: u8 = 0x15;
    const SERVER_HELLO: u8 = 0x16;
    const PROTOCOL_VERSION: u8 = 70;
    let server = Server::start();
    let answer = server.greeted([3, 3]);
    assert_eq!(answer.first(), Some(&SERVER_HELLO), "TLS 1.2 is answered: {answer:?}");
    for version in [[3, 0], [3, 1], [3, 2]] {
        let answer = server.greeted(version);
        assert!(answer.first() == Some(&ALERT) && answer.last() == Some(&PROTOCOL_VERSION), "{version:?}: {answer:?}");
    }
}
