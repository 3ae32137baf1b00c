//! Just enough of MQTT's packets for a server: reading what clients send, writing what servers answer.
//!
//! Written by hand and not with the codec of the client under test: two ends that share a codec share its mistakes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Larger than anything that a test sends.
const MAX_PACKET_BYTES: usize = 1024 * 1024;

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) qos: u8,
    pub(super) retain: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Connect {
    pub(super) v5: bool,
    pub(super) client_id: String,
    /// Whether an earlier session is to be forgotten.
    pub(super) clean: bool,
    /// Whether the session is to outlive the connection.
    pub(super) keep: bool,
    pub(super) will: Option<Message>,
    pub(super) login: (Option<String>, Option<Vec<u8>>),
}

/// The steps that end the delivery of a message: PUBACK, PUBREC, PUBREL and PUBCOMP, by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Acknowledge = 4,
    Receive = 5,
    Release = 6,
    Complete = 7,
}

#[derive(Clone, Debug)]
pub(super) enum Packet {
    Connect(Box<Connect>),
    ConnAck { session_present: bool, code: u8 },
    Publish { message: Message, id: u16, dup: bool },
    Step(Step, u16),
    Subscribe { id: u16, wanted: Vec<(String, u8)> },
    SubAck { id: u16, granted: Vec<u8> },
    PingReq,
    PingResp,
    Disconnect,
}

impl Packet {
    /// The next packet that a client sent. `v5` says in which version, except for CONNECT, which says so itself.
    pub(super) async fn read(reader: &mut (impl AsyncRead + Unpin), v5: bool) -> io::Result<Self> {
        let first = reader.read_u8().await?;
        let mut body = vec![0; read_length(reader).await?];
        reader.read_exact(&mut body).await?;
        Self::decode(first, &mut Fields(&body), v5)
    }

    fn decode(first: u8, fields: &mut Fields<'_>, v5: bool) -> io::Result<Self> {
        Ok(match first >> 4 {
            1 => Self::Connect(Box::new(decode_connect(fields)?)),
            3 => {
                let qos = (first >> 1) & 3;
                let topic = fields.text()?;
                let id = if qos > 0 { fields.u16()? } else { 0 };
                if v5 {
                    fields.skip_properties()?;
                }
                let message = Message { topic, payload: fields.0.to_vec(), qos, retain: first & 1 == 1 };
                Self::Publish { message, id, dup: first & 8 == 8 }
            }
            4 => Self::Step(Step::Acknowledge, fields.u16()?),
            5 => Self::Step(Step::Receive, fields.u16()?),
            6 => Self::Step(Step::Release, fields.u16()?),
            7 => Self::Step(Step::Complete, fields.u16()?),
            8 => {
                let id = fields.u16()?;
                if v5 {
                    fields.skip_properties()?;
                }
                let mut wanted = Vec::new();
                while !fields.0.is_empty() {
                    wanted.push((fields.text()?, fields.u8()? & 3));
                }
                Self::Subscribe { id, wanted }
            }
            12 => Self::PingReq,
            14 => Self::Disconnect,
            _ => return Err(malformed("a packet that this server does not know")),
        })
    }

    /// The bytes of a packet that a server sends.
    pub(super) fn encode(&self, v5: bool) -> Vec<u8> {
        // Where MQTT 5 has properties, there are none.
        let no_properties: &[u8] = if v5 { &[0] } else { &[] };
        match self {
            Self::ConnAck { session_present, code } => {
                frame(0x20, &[&[u8::from(*session_present), *code], no_properties])
            }
            Self::Publish { message, id, dup } => {
                let first = 0x30 | u8::from(*dup) << 3 | message.qos << 1 | u8::from(message.retain);
                let id = id.to_be_bytes();
                let id: &[u8] = if message.qos > 0 { &id } else { &[] };
                frame(first, &[&length_prefixed(&message.topic), id, no_properties, &message.payload])
            }
            Self::Step(step, id) => {
                // The lowest four bits are fixed: 2 for PUBREL (3.1.1, 3.6.1), else 0.
                let flags = if *step == Step::Release { 2 } else { 0 };
                frame((*step as u8) << 4 | flags, &[&id.to_be_bytes()])
            }
            Self::SubAck { id, granted } => frame(0x90, &[&id.to_be_bytes(), no_properties, granted]),
            Self::PingResp => frame(0xD0, &[]),
            Self::Connect(_) | Self::Subscribe { .. } | Self::PingReq | Self::Disconnect => Vec::new(),
        }
    }
}

fn decode_connect(fields: &mut Fields<'_>) -> io::Result<Connect> {
    if fields.text()? != "MQTT" {
        return Err(malformed("a CONNECT of another protocol"));
    }
    let v5 = fields.u8()? == 5;
    let flags = fields.u8()?;
    let _keep_alive = fields.u16()?;
    let expiry = if v5 { fields.session_expiry()? } else { 0 };
    let client_id = fields.text()?;
    let will = if flags & 4 == 4 {
        if v5 {
            fields.skip_properties()?;
        }
        let (topic, payload) = (fields.text()?, fields.binary()?.to_vec());
        Some(Message { topic, payload, qos: (flags >> 3) & 3, retain: flags & 0x20 == 0x20 })
    } else {
        None
    };
    let username = if flags & 0x80 == 0x80 { Some(fields.text()?) } else { None };
    let password = if flags & 0x40 == 0x40 { Some(fields.binary()?.to_vec()) } else { None };
    let clean = flags & 2 == 2;
    let keep = if v5 { expiry > 0 } else { !clean };
    Ok(Connect { v5, client_id, clean, keep, will, login: (username, password) })
}

/// What is left to read of a packet's body.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, bytes: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(bytes).ok_or_else(|| malformed("a packet that is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> io::Result<u16> {
        Ok(u16::from(self.u8()?) << 8 | u16::from(self.u8()?))
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    fn binary(&mut self) -> io::Result<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn text(&mut self) -> io::Result<String> {
        String::from_utf8(self.binary()?.to_vec()).map_err(|_| malformed("a text that is not UTF-8"))
    }

    fn properties(&mut self) -> io::Result<Fields<'a>> {
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.u8()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Ok(Fields(self.take(length)?))
    }

    fn skip_properties(&mut self) -> io::Result<()> {
        self.properties().map(|_| ())
    }

    /// Seconds that the session outlives the connection (5, 3.1.2.11.2).
    fn session_expiry(&mut self) -> io::Result<u32> {
        let mut properties = self.properties()?;
        let mut expiry = 0;
        while !properties.0.is_empty() {
            match properties.u8()? {
                0x11 => expiry = properties.u32()?,
                0x27 => _ = properties.u32()?,
                0x21 | 0x22 => _ = properties.u16()?,
                0x17 | 0x19 => _ = properties.u8()?,
                _ => return Err(malformed("a property that this server does not know")),
            }
        }
        Ok(expiry)
    }
}

async fn read_length(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = reader.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return if length > MAX_PACKET_BYTES {
                Err(malformed("a packet that is too long"))
            } else {
                Ok(length)
            };
        }
    }
    Err(malformed("a length of more than four bytes"))
}

fn frame(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length: usize = parts.iter().map(|part| part.len()).sum();
    loop {
        let low = length.to_le_bytes()[0] & 0x7f;
        length /= 128;
        if length == 0 {
            bytes.push(low);
            break;
        }
        bytes.push(low | 0x80);
    }
    bytes.extend(parts.iter().copied().flatten());
    bytes
}

fn length_prefixed(text: &str) -> Vec<u8> {
    // Topics came in through a field of 16 bits, so they fit into one.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
