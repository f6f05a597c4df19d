//! As little of HTTP/1.1 as a load generator needs: one keep-alive connection, requests written as they are, answers
//! read and thrown away. It takes the processor that it shares with what it measures, so it does nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Longer than any answer takes: the reference needs half a minute for a push under load.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

/// What is known of an answer.
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) content_type: String,
    pub(super) content_encoding: String,
    /// Bytes of the body as they came over the wire, chunk sizes left out.
    pub(super) bytes: u64,
    /// From the last byte of the request to the first of the answer.
    pub(super) first_byte: Duration,
    /// From the first byte of the request to the last of the answer.
    pub(super) total: Duration,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::with_capacity(64 << 10, stream), line: Vec::new() })
    }

    /// Sends a request and reads its answer to the end.
    pub(super) fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        let start = Instant::now();
        self.stream.get_mut().write_all(request).context("sending a request")?;
        let sent = Instant::now();
        if self.stream.fill_buf().context("waiting for an answer")?.is_empty() {
            bail!("the gateway closed the connection instead of answering");
        }
        let first_byte = sent.elapsed();
        let mut answer = Answer {
            code: 0,
            content_type: String::new(),
            content_encoding: String::new(),
            bytes: 0,
            first_byte,
            total: Duration::ZERO,
        };
        let status = self.line()?;
        answer.code = status
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .with_context(|| format!("{status:?} is no status line"))?;
        let mut length = Some(0);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.parse().context("reading a Content-Length")?),
                "transfer-encoding" => length = None,
                "content-type" => value.clone_into(&mut answer.content_type),
                "content-encoding" => value.clone_into(&mut answer.content_encoding),
                _ => {}
            }
        }
        match length {
            Some(length) => answer.bytes = self.skip(length)?,
            None => loop {
                let size = self.line()?;
                let size = size.split(';').next().unwrap_or_default().trim();
                let size =
                    u64::from_str_radix(size, 16).with_context(|| format!("{size:?} is no chunk size"))?;
                answer.bytes += self.skip(size)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            },
        }
        answer.total = start.elapsed();
        Ok(answer)
    }

    /// A line of the head, without its end.
    fn line(&mut self) -> Result<String> {
        self.line.clear();
        self.stream.read_until(b'\n', &mut self.line).context("reading an answer")?;
        let line = self.line.strip_suffix(b"\r\n").context("an answer ended in the middle")?;
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    fn skip(&mut self, length: u64) -> Result<u64> {
        let read = std::io::copy(&mut self.stream.by_ref().take(length), &mut std::io::sink())
            .context("reading an answer")?;
        if read < length {
            bail!("the gateway closed the connection in the middle of an answer");
        }
        Ok(read)
    }
}

/// One GET with further header lines, each with its CRLF.
pub(super) fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n{headers}\r\n").into_bytes()
}
