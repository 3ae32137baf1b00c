//! EC2's Query API: one request at a time, and what the answers hold.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use roxmltree::{Document, Node};

use super::moto::{ADDRESS, REGION};

/// How long an answer may take, and how much there may be of it.
const LIMIT: Duration = Duration::from_secs(20);
const LARGEST: u64 = 64 << 20;

/// Asks for an action and returns the answer, which is XML.
///
/// # Errors
///
/// There is no answer in time, or it is an error of EC2's.
pub(super) fn call(action: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
    let mut body = format!("Action={action}&Version=2016-11-15");
    for (name, value) in parameters {
        body.push('&');
        encode(&mut body, name);
        body.push('=');
        encode(&mut body, value);
    }
    let answer = exchange(&body).map_err(|error| format!("{action} at {ADDRESS}: {error}"))?;
    let (head, answer) = answer.split_once("\r\n\r\n").unwrap_or_default();
    match head.split(' ').nth(1) {
        Some("200") => Ok(answer.to_owned()),
        Some(status) => Err(format!("{action} was answered with {status}: {}", reason(answer))),
        None => Err(format!("{action} was answered with `{head}`")),
    }
}

/// An elder HTTP, in which the answer ends with the connection. The server looks at nobody's signature, only at the
/// service and the region in it.
fn exchange(body: &str) -> std::io::Result<String> {
    let address: SocketAddr = ADDRESS.parse().map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let scope = format!("lab/20260101/{REGION}/ec2/aws4_request");
    let request = format!(
        "POST / HTTP/1.0\r\nHost: {ADDRESS}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(LARGEST).read_to_string(&mut answer)?;
    Ok(answer)
}

fn encode(text: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// The code and the message of an error, or all that was said.
fn reason(answer: &str) -> String {
    let read = || {
        let document = Document::parse(answer).ok()?;
        let said = |name| first(document.root(), name)?.text().map(str::to_owned);
        Some(format!("{}: {}", said("Code")?, said("Message")?))
    };
    read().unwrap_or_else(|| answer.trim().to_owned())
}

/// Reads an answer.
pub(super) fn parse(answer: &str) -> Result<Document<'_>, String> {
    Document::parse(answer).map_err(|error| format!("EC2's answer can't be read: {error}: {answer}"))
}

/// The first element of this name, however deep.
pub(super) fn first<'a>(node: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    node.descendants().find(|node| node.tag_name().name() == name)
}

/// The items of a list, such as `instancesSet`, wherever such lists are.
pub(super) fn items<'a>(document: &'a Document<'a>, list: &str) -> impl Iterator<Item = Node<'a, 'a>> {
    let lists = document.descendants().filter(move |node| node.tag_name().name() == list);
    lists.flat_map(|list| list.children().filter(|node| node.tag_name().name() == "item"))
}

/// What a child of this name says.
pub(super) fn text<'a>(node: Node<'a, 'a>, name: &str) -> Option<&'a str> {
    node.children().find(|node| node.tag_name().name() == name)?.text()
}

#[cfg(test)]
mod tests {
    use super::{encode, items, parse, reason, text};

    #[test]
    fn what_is_not_plain_is_encoded() {
        let mut encoded = String::new();
        encode(&mut encoded, "a~1 ü/=&+");
        assert_eq!(encoded, "a~1%20%C3%BC%2F%3D%26%2B");
    }

    #[test]
    fn lists_are_read_and_errors_are_said() {
        let answer = r#"<R xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><reservationSet>
            <item><instancesSet><item><instanceId>i-1</instanceId></item><item><instanceId>i-2</instanceId></item></instancesSet></item>
            <item><instancesSet><item><instanceId>i-3</instanceId></item></instancesSet></item></reservationSet></R>"#;
        let document = parse(answer).expect("it is XML");
        let ids: Vec<_> =
            items(&document, "instancesSet").filter_map(|item| text(item, "instanceId")).collect();
        assert_eq!(ids, ["i-1", "i-2", "i-3"]);

        let refusal = "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>none</Message></Error></Errors></Response>";
        assert_eq!(reason(refusal), "InvalidVpcID.NotFound: none");
        assert_eq!(reason(" 502 "), "502");
    }
}
