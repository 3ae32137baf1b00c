//! Requests, as they come off the wire.

use std::collections::BTreeMap;

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path without the query, cut at its slashes and decoded; empty for `/`.
    pub(crate) path: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads what stands before the empty line; the body is still to come.
    pub(super) fn head(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, protocol) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !protocol.starts_with("HTTP/1.") {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        });
        Some(Self {
            method: method.to_owned(),
            path: path.split('/').filter(|part| !part.is_empty()).map(decode).collect(),
            query: pairs.map(|(name, value)| (decode(name), decode(value))).collect(),
            headers: headers.collect::<Option<_>>()?,
            body: Vec::new(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The path for a `match`.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }
}

/// Undoes percent-encoding; what is not well encoded stays as it is.
fn decode(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = if *first == b'%' { tail.get(..2) } else { None };
        let digits = code.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_cut_into_its_parts() {
        let request =
            Request::head("PUT /api/v5/nodes/emqx%4010.0.0.1?type=tcp&x=1 HTTP/1.1\r\nHost: a").unwrap();
        assert_eq!(request.segments(), ["api", "v5", "nodes", "emqx@10.0.0.1"]);
        assert_eq!((request.query["type"].as_str(), request.header("host")), ("tcp", Some("a")));
        for wrong in ["", "GET", "GET /", "GET / HTTP/2", "GET / HTTP/1.1\r\nno header"] {
            assert!(Request::head(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_well_encoded_stays_as_it_is() {
        assert_eq!(decode("a%2Fb%zz%4%"), "a/b%zz%4%");
    }
}
