//! MQTT, really spoken, behind each of the four listeners.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::http::ask;
use crate::world::{Setup, folder};

/// Connects as `a` with 3.1.1 and with 5.
const CONNECT_4: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";
const CONNECT_5: &[u8] = b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01a";
/// Subscribes to `t`, and publishes `hi` there.
const SUBSCRIBE: &[u8] = b"\x82\x06\0\x01\0\x01t\0";
const PUBLISH: &[u8] = b"\x30\x05\0\x01thi";

const PATIENCE: Duration = Duration::from_secs(10);

async fn tls(at: SocketAddr, trusted: &Path) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(at).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("Server").unwrap(), stream)
        .await
        .unwrap()
}

/// A round trip by 3.1.1: connected, subscribed, and what is published comes back.
async fn round_trip(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    for (sent, expected) in
        [(CONNECT_4, &b"\x20\x02\0\0"[..]), (SUBSCRIBE, b"\x90\x03\0\x01\0"), (PUBLISH, PUBLISH)]
    {
        stream.write_all(sent).await.unwrap();
        let mut answer = vec![0; expected.len()];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, expected);
    }
}

/// The same, each packet in a message.
async fn websocket_round_trip(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = "ws://127.0.0.1/mqtt".into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    for (sent, expected) in
        [(CONNECT_4, &b"\x20\x02\0\0"[..]), (SUBSCRIBE, b"\x90\x03\0\x01\0"), (PUBLISH, PUBLISH)]
    {
        socket.send(Message::Binary(sent.to_vec().into())).await.unwrap();
        let answer = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(answer.into_data(), expected);
    }
}

#[tokio::test]
async fn a_message_comes_back_through_every_listener() {
    let folder = folder();
    let standin = Setup::new("5.0.9", folder.path()).start();
    let [tcp, ssl, ws, wss] = standin.mqtt();
    let own = standin.root().join("data/certs/cert.pem");
    round_trip(TcpStream::connect(tcp).await.unwrap()).await;
    round_trip(tls(ssl, &own).await).await;
    websocket_round_trip(TcpStream::connect(ws).await.unwrap()).await;
    websocket_round_trip(tls(wss, &own).await).await;

    let mut five = TcpStream::connect(tcp).await.unwrap();
    five.write_all(CONNECT_5).await.unwrap();
    let mut answer = [0; 4];
    timeout(PATIENCE, five.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!((answer[0], answer[3]), (0x20, 0), "{answer:?}");
}

#[tokio::test]
async fn a_certificate_that_is_given_is_shown() {
    let folder = folder();
    let made = rcgen::generate_simple_self_signed([String::from("Server")]).unwrap();
    let [certificate, key] = ["given.pem", "given.key"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let quoted = |path: &Path| format!("\"{}\"", path.display());
    let standin = Setup::new("5.8.9", folder.path())
        .with("EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__CERTFILE", &quoted(&certificate))
        .with("EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__KEYFILE", &quoted(&key))
        .start();
    round_trip(tls(standin.mqtt()[1], &certificate).await).await;
}

#[tokio::test]
async fn a_listener_that_is_off_or_stopped_takes_nobody() {
    let folder = folder();
    let setup = Setup::new("5.0.9", folder.path());
    let standin = setup.with("EMQX_LISTENERS__WS__DEFAULT__ENABLED", "false").start();
    let [tcp, _, ws, _] = standin.mqtt();
    TcpStream::connect(ws).await.unwrap_err();

    let mut stream = TcpStream::connect(tcp).await.unwrap();
    stream.write_all(CONNECT_4).await.unwrap();
    stream.read_exact(&mut [0; 4]).await.unwrap();
    let bearer = format!("authorization: Bearer {}", standin.token("admin", "public"));
    let stop = ask(standin.dashboard(), "POST", "/api/v5/listeners/tcp:default/stop", &[bearer], "");
    assert_eq!(stop.status, 200);
    let ended = timeout(PATIENCE, stream.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    TcpStream::connect(tcp).await.unwrap_err();
}
