//! Putting a file on a machine: whole or not at all, and only if it differs.

use std::io;

use bear_core::event::StepError;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::conversation::Reader;
use crate::trouble::Trouble;
use crate::wrapper::quote;
use crate::{Content, Exit, Outcome, Upload, Uploaded};

/// The status of the script when what arrived is not what was sent.
const DAMAGED: u8 = 65;

/// A file that is ready to be sent.
pub(crate) struct Parcel {
    pub(crate) script: String,
    pub(crate) input: Reader,
    pub(crate) length: u64,
}

impl Parcel {
    pub(crate) async fn of(upload: &Upload<'_>) -> Result<Self, StepError> {
        let (input, length, sha256): (Reader, u64, String) = match upload.content {
            Content::Bytes(bytes) => {
                let length = bytes.len() as u64;
                (Box::new(io::Cursor::new(bytes.to_vec())), length, hex(&Sha256::digest(bytes)))
            }
            Content::File(path) => {
                let open = async {
                    let mut file = File::open(path).await?;
                    let (length, sha256) = measure(&mut file).await?;
                    file.rewind().await?;
                    Ok::<_, io::Error>((file, length, sha256))
                };
                let (file, length, sha256) = open.await.map_err(|error| Trouble::unreadable(path, &error))?;
                // A file that grows meanwhile must not flow over into what comes after it.
                (Box::new(file.take(length)), length, sha256)
            }
        };
        Ok(Self { script: script(upload, &sha256), input, length })
    }
}

async fn measure(file: &mut File) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            return Ok((length, hex(&hasher.finalize())));
        }
        hasher.update(&buffer[..count]);
        length += count as u64;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Prints `unchanged` or `changed`. The file is made beside its place, so that renaming it there is one step.
fn script(upload: &Upload<'_>, sha256: &str) -> String {
    let path = quote(upload.path);
    let mode = upload.mode;
    format!(
        r#"set -eu
path={path}
hash() {{ sha256sum <"$1" | cut -d ' ' -f 1; }}
if [ -f "$path" ] && [ "$(hash "$path")" = {sha256} ]; then
    chmod {mode:o} -- "$path"
    echo unchanged
    exit 0
fi
umask 077
new=$(mktemp -- "$path.bear-XXXXXXXX")
trap 'rm -f -- "$new"' EXIT
cat >"$new"
[ "$(hash "$new")" = {sha256} ] || exit {DAMAGED}
chmod {mode:o} -- "$new"
sync -- "$new"
mv -f -T -- "$new" "$path"
trap - EXIT
echo changed
"#
    )
}

/// Reads what became of the script.
pub(crate) fn read(upload: &Upload<'_>, place: &str, outcome: &Outcome) -> Result<Uploaded, StepError> {
    let path = upload.path;
    let said = |word: &str| outcome.transcript.lines().any(|line| line == word);
    match outcome.exit {
        Exit::Status(0) if said("unchanged") => Ok(Uploaded::Unchanged),
        Exit::Status(0) if said("changed") => Ok(Uploaded::Changed),
        Exit::Status(DAMAGED) => Err(Trouble::damaged(place, path)),
        exit => Err(Trouble::not_written(place, path, exit, &outcome.transcript)),
    }
}
