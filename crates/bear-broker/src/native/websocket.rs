//! MQTT over websockets (MQTT 5, section 6): path `/mqtt`, subprotocol `mqtt`, binary frames only.

use std::future::ready;
use std::io;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, Uri, header};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::connection::Socket;
use crate::limits;

/// Answers the handshake. What remains looks like any other connection.
pub(super) async fn accept(stream: TcpStream) -> io::Result<Socket> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(2 * limits::PACKET_BYTES))
        .max_frame_size(Some(2 * limits::PACKET_BYTES));
    let websocket =
        accept_hdr_async_with_config(stream, answer, Some(config)).await.map_err(io::Error::other)?;
    let (sink, stream) = websocket.split();
    let bytes = stream.map_err(io::Error::other).try_filter_map(|message| {
        ready(match message {
            Message::Binary(bytes) => Ok(Some(bytes)),
            Message::Text(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a text frame")),
            _ => Ok(None),
        })
    });
    let frames = sink
        .sink_map_err(io::Error::other)
        .with(|bytes: Bytes| ready(Ok::<_, io::Error>(Message::Binary(bytes))));
    Ok(Socket::new(StreamReader::new(bytes), SinkWriter::new(CopyToBytes::new(frames))))
}

#[expect(clippy::result_large_err, reason = "the library asks for a function of this form")]
fn answer(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if request.uri().path() != "/mqtt" {
        return Err(refusal(StatusCode::NOT_FOUND, "MQTT is at /mqtt"));
    }
    // A page from elsewhere can reach loopback through the browser of whoever visits it.
    if header(header::ORIGIN).is_some_and(|origin| !is_local(origin)) {
        return Err(refusal(StatusCode::FORBIDDEN, "only pages of this machine are let in"));
    }
    let offered = header(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    if !offered.split(',').any(|protocol| protocol.trim() == "mqtt") {
        return Err(refusal(StatusCode::BAD_REQUEST, "the subprotocol is mqtt"));
    }
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mqtt"));
    Ok(response)
}

fn is_local(origin: &str) -> bool {
    let host = origin.parse::<Uri>().ok().and_then(|origin| origin.host().map(str::to_owned));
    host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()))
}

fn refusal(status: StatusCode, reason: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(reason.to_owned()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, protocol: Option<&str>, origin: Option<&str>) -> u16 {
        let mut request = Request::builder().uri(path);
        for (name, value) in [(header::SEC_WEBSOCKET_PROTOCOL, protocol), (header::ORIGIN, origin)] {
            request = value.into_iter().fold(request, |request, value| request.header(&name, value));
        }
        match answer(&request.body(()).unwrap(), Response::default()) {
            Ok(response) => {
                assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], "mqtt");
                101
            }
            Err(response) => response.status().as_u16(),
        }
    }

    #[test]
    fn only_mqtt_of_this_machine_is_let_in() {
        assert_eq!(check("/mqtt", Some("mqtt"), None), 101);
        assert_eq!(check("/mqtt", Some("mqttv3.1, mqtt"), Some("http://localhost:8080")), 101);
        assert_eq!(check("/", Some("mqtt"), None), 404);
        assert_eq!(check("/mqtt", None, None), 400);
        assert_eq!(check("/mqtt", Some("chat"), None), 400);
        for origin in ["http://example.com", "http://localhost.example.com", "null"] {
            assert_eq!(check("/mqtt", Some("mqtt"), Some(origin)), 403, "{origin}");
        }
    }
}
