//! One connection of a client, from its first byte to its last.

use std::future::pending;
use std::io;

use async_tungstenite::tokio::accept_hdr_async;
use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::http::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use ws_stream_tungstenite::WsStream;

use super::hub::Outbox;
use super::packet::{Connect, Packet};
use super::{Fault, PASSWORD, SharedHub, USERNAME};

/// Packets that wait for a slow client; more are dropped.
const OUTBOX: usize = 1024;

pub(super) async fn say_nothing<S>(stream: S) -> io::Result<()> {
    let _open = stream;
    pending().await
}

pub(super) async fn answer_like_a_web_server(mut stream: TcpStream) -> io::Result<()> {
    let mut question = [0; 64];
    let _ = stream.read(&mut question).await?;
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await
}

/// A fatal alert: the handshake fails (TLS 1.2, 7.2). It waits for the client's first words, as a server does.
pub(super) async fn send_tls_alert(mut stream: TcpStream) -> io::Result<()> {
    let mut hello = [0; 2048];
    let _ = stream.read(&mut hello).await?;
    stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]).await
}

pub(super) async fn serve_either<S>(stream: S, websocket: bool, hub: SharedHub) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if websocket { serve_websocket(stream, hub).await } else { serve(stream, hub).await }
}

async fn serve_websocket<S>(stream: S, hub: SharedHub) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    #[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the signature is tungstenite's")]
    fn answer(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("mqtt"));
        Ok(response)
    }
    let socket = accept_hdr_async(stream, answer).await.map_err(io::Error::other)?;
    if hub.lock().fault() == Some(Fault::ClosesWebsockets) {
        return Ok(());
    }
    serve(WsStream::new(socket), hub).await
}

async fn serve<S>(stream: S, hub: SharedHub) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let Packet::Connect(mut connect) = Packet::read(&mut reader, false).await? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a client that does not begin with CONNECT"));
    };
    let fault = hub.lock().fault();
    if let Some(refusal) = refusal(fault, &connect) {
        writer.write_all(&refusal).await?;
        return writer.shutdown().await;
    }
    let (outbox, packets) = mpsc::channel(OUTBOX);
    tokio::spawn(write(writer, packets, connect.v5));
    let ticket = hub.lock().enter(&connect, Outbox(outbox));
    while fault != Some(Fault::ClosesAfterConnect) {
        match Packet::read(&mut reader, connect.v5).await {
            Ok(Packet::Disconnect) => {
                connect.will = None;
                break;
            }
            Ok(packet) => hub.lock().receive(&connect.client_id, packet),
            Err(_) => break,
        }
    }
    hub.lock().leave(&connect.client_id, ticket, connect.will.as_ref());
    Ok(())
}

/// Writes until the session has no more use for this connection, then closes it.
async fn write(mut writer: impl AsyncWrite + Unpin, mut packets: mpsc::Receiver<Packet>, v5: bool) {
    while let Some(packet) = packets.recv().await {
        if writer.write_all(&packet.encode(v5)).await.is_err() || writer.flush().await.is_err() {
            return;
        }
    }
    // The client may be gone already, which is as good.
    let _ = writer.shutdown().await;
}

/// What a client is told that is not let in.
fn refusal(fault: Option<Fault>, connect: &Connect) -> Option<Vec<u8>> {
    if connect.v5 && fault == Some(Fault::RefusesMqtt5) {
        // In the format of 3.1.1, as a server answers that knows no other.
        return Some(Packet::ConnAck { session_present: false, code: 1 }.encode(false));
    }
    let (username, password) = &connect.login;
    let known = username.as_deref() == Some(USERNAME) && password.as_deref() == Some(PASSWORD.as_bytes());
    if known || fault == Some(Fault::AcceptsAnyPassword) {
        return None;
    }
    let code = match (fault, connect.v5) {
        (Some(Fault::RefusesAsUnavailable), false) => 3,
        (Some(Fault::RefusesAsUnavailable), true) => 0x88,
        (_, false) => 4,
        (_, true) => 0x86,
    };
    Some(Packet::ConnAck { session_present: false, code }.encode(connect.v5))
}
