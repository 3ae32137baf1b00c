//! What nobody else can guess: passwords and identifiers.

use crate::fault::Fault;

/// How many characters a generated password has: 24 of 62 are 142 bits.
const GENERATED_LENGTH: usize = 24;

/// A password of letters and digits, which need no quoting anywhere. The first is a letter, as EMQX wants of a cookie,
/// and there are both, as it wants of a password.
pub(crate) fn random_password() -> Result<String, Fault> {
    loop {
        let password = random_letters()?;
        if password.starts_with(|c: char| c.is_ascii_alphabetic())
            && password.contains(|c: char| c.is_ascii_digit())
        {
            return Ok(password);
        }
    }
}

fn random_letters() -> Result<String, Fault> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(GENERATED_LENGTH);
    while text.len() < GENERATED_LENGTH {
        // Bytes of 248 and more are passed over: 248 is the highest multiple of 62, and a bias helps only attackers.
        let fair = random_bytes::<32>()?.into_iter().filter(|byte| *byte < 248);
        let letters = fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        text.extend(letters.take(GENERATED_LENGTH - text.len()));
    }
    Ok(text)
}

/// An identifier that nobody else has: 128 random bits in hexadecimal.
pub(crate) fn random_id() -> Result<String, Fault> {
    Ok(random_bytes::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(no_randomness)?;
    Ok(bytes)
}

/// The system gives no random numbers, and anything else could be guessed.
pub(crate) fn no_randomness(error: getrandom::Error) -> Fault {
    Fault::failed("bear::random", format!("could not draw a random number: {error}"))
        .with_help("random numbers come from the system: look at /dev/urandom")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_are_long_plain_and_never_the_same() {
        let passwords = [random_password().unwrap(), random_password().unwrap()];
        for password in &passwords {
            assert_eq!(password.len(), GENERATED_LENGTH);
            assert!(password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert_ne!(passwords[0], passwords[1]);
    }
}
