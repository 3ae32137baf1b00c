//! Secrets in what a host writes: no form of one gets through, wherever a line is broken.

use arbitrary::Unstructured;
use bear_executor::Redactor;

/// Shorter parts of a secret tell nothing, and may stand in any text.
const SECRET_MIN: usize = 8;

pub(crate) fn check(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    let Ok(secret) = bytes.arbitrary::<String>() else { return };
    // A secret of one line: what is left of a longer one is a matter of its lines.
    let secret = secret.replace(['\n', '\r'], "");
    let mut text = String::new();
    while let (false, Ok(noise)) = (bytes.is_empty(), bytes.arbitrary::<&str>()) {
        text.push_str(noise);
        let forms = forms(&secret);
        let chosen = usize::from(bytes.arbitrary::<u8>().unwrap_or_default()) % forms.len();
        text.push_str(&forms[chosen]);
    }
    let redactor = Redactor::new([secret.as_str()]);
    let shown = redactor.redact(&text);
    assert_eq!(shown.matches('\n').count(), text.matches('\n').count(), "a line is lost");
    if secret.is_empty() {
        assert_eq!(shown, text);
    } else if secret.len() >= SECRET_MIN && !secret.contains('*') {
        for form in forms(&secret) {
            assert!(!shown.contains(&form), "{form:?} is in {shown:?}");
        }
    }
}

/// How programs on a host write a text, as their manuals say and not as bear does.
fn forms(secret: &str) -> Vec<String> {
    let quoted = serde_json::to_string(secret).unwrap();
    let percent = |keep: fn(u8) -> bool| -> String {
        let byte = |byte: u8| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        secret.bytes().map(byte).collect()
    };
    vec![
        secret.to_owned(),
        secret.replace('\'', r"'\''"),
        quoted[1..quoted.len() - 1].to_owned(),
        percent(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)),
    ]
}
