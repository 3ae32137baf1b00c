//! Requests of the Query API: flat parameters whose names spell out lists and structures.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::str::FromStr;

use super::failure::Failure;

/// The parameters of a request, by their full names.
pub type Parameters = BTreeMap<String, String>;

/// Parameters below one name, and which of them were looked at.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    parameters: &'a Parameters,
    /// What the names begin with here: nothing, or something that ends in a dot.
    prefix: String,
    read: Rc<RefCell<BTreeSet<String>>>,
}

impl<'a> Query<'a> {
    pub(super) fn new(parameters: &'a Parameters) -> Self {
        Self { parameters, prefix: String::new(), read: Rc::default() }
    }

    /// A parameter; none if it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let name = format!("{}{name}", self.prefix);
        let value = self.parameters.get(&name).map(String::as_str);
        self.read.borrow_mut().insert(name);
        value.filter(|value| !value.is_empty())
    }

    /// A parameter, even if it is empty.
    pub(super) fn given(&self, name: &str) -> Option<&'a str> {
        self.get(name).or_else(|| self.parameters.get(&format!("{}{name}", self.prefix)).map(String::as_str))
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a str, Failure> {
        self.get(name).ok_or_else(|| {
            Failure::new(400, "MissingParameter", format!("The request must contain the parameter {name}"))
        })
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        self.parse(name)
    }

    pub(super) fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let invalid =
            |text: &str| Failure::invalid_value(format!("Value ({text}) for parameter {name} is invalid"));
        self.get(name).map(|text| text.parse().map_err(|_| invalid(text))).transpose()
    }

    /// What stands below a name.
    pub(super) fn within(&self, name: &str) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..self.clone() }
    }

    /// The members of a list of structures, in order.
    pub(super) fn members(&self, name: &str) -> Vec<Self> {
        let prefix = format!("{}{name}.", self.prefix);
        let names = self.parameters.range(prefix.clone()..).map(|(name, _)| name);
        let numbers = names
            .map_while(|name| name.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('.').next()?.parse::<u32>().ok())
            .collect::<BTreeSet<_>>();
        numbers.iter().map(|number| self.within(&format!("{name}.{number}"))).collect()
    }

    /// The members of a list of texts, in order.
    pub(super) fn list(&self, name: &str) -> Vec<&'a str> {
        let prefix = format!("{}{name}.", self.prefix);
        let names = self.parameters.range(prefix.clone()..).map(|(name, _)| name);
        let mut numbers = names
            .map_while(|name| name.strip_prefix(&prefix))
            .filter_map(|rest| rest.parse::<u32>().ok())
            .collect::<Vec<_>>();
        numbers.sort_unstable();
        numbers.iter().filter_map(|number| self.get(&format!("{name}.{number}"))).collect()
    }

    /// Whether there is anything below a name.
    pub(super) fn has(&self, name: &str) -> bool {
        let prefix = format!("{}{name}", self.prefix);
        let mut names = self.parameters.range(prefix.clone()..);
        names.next().is_some_and(|(name, _)| name.starts_with(&prefix))
    }

    /// Everything, by its full name.
    pub(super) fn all(&self) -> &'a Parameters {
        self.parameters
    }

    /// Takes everything as looked at.
    pub(super) fn read_all(&self) {
        self.read.borrow_mut().extend(self.parameters.keys().cloned());
    }

    /// A parameter that nobody has looked at.
    pub(super) fn unread(&self) -> Option<&'a str> {
        let read = self.read.borrow();
        self.parameters.keys().find(|name| !read.contains(*name)).map(String::as_str)
    }
}

/// Decodes a form.
pub(super) fn decode_form(body: &[u8]) -> Parameters {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decode(&pair[..end]), decode(pair.get(end + 1..).unwrap_or_default()))
        })
        .collect()
}

/// Undoes percent-encoding, and `+` for a space; what is not well encoded stays as it is.
fn decode(text: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let digits = if *first == b'%' { tail.get(..2) } else { None };
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_structures_are_found_in_order() {
        let parameters = decode_form(
            b"Id.10=ten&Id.2=two+2&Filter.1.Name=tag%3Ax&Filter.1.Value.1=a%26b&Placement.Zone=z&Empty=",
        );
        let query = Query::new(&parameters);
        assert_eq!(query.list("Id"), ["two 2", "ten"]);
        let [filter] = query.members("Filter").try_into().unwrap();
        assert_eq!((filter.get("Name"), filter.list("Value")), (Some("tag:x"), vec!["a&b"]));
        assert_eq!(query.unread(), Some("Empty"));
        assert_eq!((query.get("Empty"), query.within("Placement").get("Zone")), (None, Some("z")));
        assert_eq!(query.unread(), None);
    }
}
