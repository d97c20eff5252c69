//! What a container writes, as two streams that can be read like pipes.

use bollard::container::LogOutput;
use bytes::{Buf, Bytes};
use futures_lite::{Stream, StreamExt};
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};

/// One of the streams. It ends when the container does.
#[derive(Debug)]
pub(super) struct Output {
    chunks: Receiver<Bytes>,
    rest: Bytes,
}

/// The ends of both that are written to: standard output, and standard error.
#[derive(Debug)]
pub(super) struct Writers(Sender<Bytes>, Sender<Bytes>);

/// Standard output and standard error. What is not read is kept, so that nobody waits to write.
pub(super) fn streams() -> (Output, Output, Writers) {
    let (stdout, from_stdout) = channel();
    let (stderr, from_stderr) = channel();
    let output = |chunks| Output {
        chunks,
        rest: Bytes::new(),
    };
    (
        output(from_stdout),
        output(from_stderr),
        Writers(stdout, stderr),
    )
}

impl Writers {
    /// Takes everything that the engine passes on, to its end.
    pub(super) async fn take<E>(
        self,
        mut output: impl Stream<Item = Result<LogOutput, E>> + Unpin + Send,
    ) {
        while let Some(Ok(part)) = output.next().await {
            // Nobody has to read it.
            let _ = match part {
                LogOutput::StdErr { message } => self.1.send(message),
                LogOutput::StdOut { message }
                | LogOutput::StdIn { message }
                | LogOutput::Console { message } => self.0.send(message),
            };
        }
    }
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.chunks.recv() {
                Ok(chunk) => self.rest = chunk,
                Err(_) => return Ok(0),
            }
        }
        let count = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::streams;
    use bytes::Bytes;
    use std::io::Read;

    #[test]
    fn what_was_written_is_read_in_order_and_ends() {
        let (mut stdout, mut stderr, writers) = streams();
        for part in ["one ", "", "two"] {
            writers.0.send(Bytes::from(part)).unwrap();
        }
        drop(writers);
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
        assert_eq!(stderr.read(&mut [0; 8]).unwrap(), 0);
    }
}
