//! The end of a log, and what is written behind it later.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many bytes are read at once while the last lines are looked for.
const BLOCK: usize = 64 * 1024;

/// A log that is read while somebody writes it.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    file: BufReader<File>,
    inode: u64,
    /// What was read of a line that is not whole yet.
    begun: Vec<u8>,
}

impl Tail {
    /// The log at `path` from its last `lines` lines on.
    pub(crate) fn open(path: &Path, lines: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let start = start_of_last(&mut file, lines)?;
        file.seek(SeekFrom::Start(start))?;
        let inode = file.metadata()?.ino();
        Ok(Self { path: path.to_path_buf(), file: BufReader::new(file), inode, begun: Vec::new() })
    }

    /// The next whole line, without its end; none if nobody has written it yet.
    pub(crate) fn line(&mut self) -> io::Result<Option<String>> {
        self.file.read_until(b'\n', &mut self.begun)?;
        Ok(self.begun.ends_with(b"\n").then(|| self.rest()))
    }

    /// What there is of a line that is not whole.
    pub(crate) fn rest(&mut self) -> String {
        let line = std::mem::take(&mut self.begun);
        String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
    }

    /// Goes on with the log that took the place of this one, if there is one. A broker that is started again begins
    /// a new log.
    pub(crate) fn catch_up(&mut self) -> io::Result<()> {
        let present = match fs::metadata(&self.path) {
            // Between the old log and the new one there may be none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            present => present?,
        };
        if present.ino() != self.inode || present.len() < self.file.stream_position()? {
            *self = Self::open(&self.path, usize::MAX)?;
        }
        Ok(())
    }
}

/// Where the last `lines` lines of a file begin. It is read from its end, since logs grow large.
fn start_of_last(file: &mut File, lines: usize) -> io::Result<u64> {
    let len = file.seek(SeekFrom::End(0))?;
    let mut block = vec![0; BLOCK];
    let (mut at, mut ends) = (len, 0);
    while at > 0 && lines > 0 {
        let size = usize::try_from(at).unwrap_or(BLOCK).min(BLOCK);
        at -= size as u64;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut block[..size])?;
        for index in (0..size).rev() {
            let next = at + index as u64 + 1;
            // The end of the last line has no line behind it.
            if block[index] == b'\n' && next < len {
                ends += 1;
                if ends == lines {
                    return Ok(next);
                }
            }
        }
    }
    Ok(if lines == 0 { len } else { 0 })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(tail: &mut Tail) -> Vec<String> {
        std::iter::from_fn(|| tail.line().unwrap()).collect()
    }

    #[test]
    fn the_last_lines() {
        #[track_caller]
        fn check(text: &str, wanted: usize, expected: &[&str], rest: &str) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            fs::write(&path, text).unwrap();
            let mut tail = Tail::open(&path, wanted).unwrap();
            assert_eq!(lines(&mut tail), expected, "{wanted} of {text:?}");
            assert_eq!(tail.rest(), rest);
        }
        check("", 5, &[], "");
        check("a\nb\nc\n", 0, &[], "");
        check("a\nb\nc\n", 2, &["b", "c"], "");
        check("a\nb\nc\n", 3, &["a", "b", "c"], "");
        check("a\nb\nc\n", 9, &["a", "b", "c"], "");
        check("a\nb\nhalf", 2, &["b"], "half");
        check("\n\n\n", 2, &["", ""], "");
        let long = "x".repeat(BLOCK);
        check(&format!("first\n{long}\nlast\n"), 2, &[&long, "last"], "");
    }

    #[test]
    fn what_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "a\nb").unwrap();
        let mut tail = Tail::open(&path, 9).unwrap();
        assert_eq!(lines(&mut tail), ["a"]);

        let mut file = File::options().append(true).open(&path).unwrap();
        writeln!(file, "b\nc").unwrap();
        tail.catch_up().unwrap();
        assert_eq!(lines(&mut tail), ["bb", "c"]);

        fs::rename(&path, folder.path().join("log.old")).unwrap();
        tail.catch_up().unwrap();
        assert_eq!(lines(&mut tail), [""; 0]);

        fs::write(&path, "new\n").unwrap();
        tail.catch_up().unwrap();
        assert_eq!(lines(&mut tail), ["new"]);
    }
}
