//! The lines that a process writes, with the request that it works on, and the lines that Lambda adds.
//!
//! The screen shows only the lines of the function. With a folder for logs each function has a file there, with the lines that
//! CloudWatch would have: `START`, the function's lines, `END` and `REPORT`, each with its time and request id in front.
//!
//! # Source
//! Lambda developer guide, "Working with CloudWatch Logs", for the three lines; init time is billed since August 2025.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::AsFd,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::io::ioctl_fionread;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    sync::{mpsc, oneshot},
};

use crate::{aws::clock, machine::logs};

/// The longest line that is passed on in one piece. A function that never ends its line must not fill our memory.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// How much of a request's log `X-Amz-Log-Result` holds.
///
/// # Source
/// Lambda API reference, Invoke: "the last 4 KB of the execution log".
const TAIL_BYTES: usize = 4 * 1024;

/// The log of a function, shared by its processes.
#[derive(Debug)]
pub(super) struct FunctionLog {
    name: String,
    file: Option<Mutex<File>>,
}

impl FunctionLog {
    /// The log of the function `name`: a new file in `folder`, or only the screen without a folder.
    ///
    /// # Errors
    /// What the system says when the file can't be made.
    pub(super) fn create(name: &str, folder: Option<&Path>) -> io::Result<Self> {
        let file = match folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                Some(Mutex::new(File::create(folder.join(format!("{name}.log")))?))
            }
            None => None,
        };
        Ok(Self {
            name: name.to_owned(),
            file,
        })
    }

    /// Writes lines in one piece.
    fn keep(&self, request_id: &str, lines: &[&str]) {
        if let Some(file) = &self.file {
            let time = clock::iso_form(clock::now_ms());
            let lines = lines.iter().map(|text| format!("{time} {request_id} {text}\n"));
            let lines = lines.collect::<Vec<_>>().concat();
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk must not stop the functions; the screen still has their lines.
            drop(file.write_all(lines.as_bytes()));
        }
    }
}

/// The log of one process.
#[derive(Debug)]
pub(super) struct Journal {
    log: Arc<FunctionLog>,
    current: Mutex<Request>,
}

/// The request that a process works on, or worked on last.
#[derive(Debug)]
struct Request {
    id: String,
    tail: String,
}

impl Journal {
    /// The journal of a process that starts.
    pub(super) fn new(log: Arc<FunctionLog>) -> Self {
        let current = Mutex::new(Request {
            id: "init".to_owned(),
            tail: String::new(),
        });
        Self { log, current }
    }

    fn current(&self) -> MutexGuard<'_, Request> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins.
    pub(super) fn start(&self, request_id: &str) {
        let mut current = self.current();
        request_id.clone_into(&mut current.id);
        current.tail.clear();
        self.add(
            &mut current,
            &[&format!("START RequestId: {request_id} Version: $LATEST")],
        );
    }

    /// The request has ended. Writes `report`, and returns the end of the request's log.
    pub(super) fn end(&self, report: &Report) -> String {
        let mut current = self.current();
        let end = format!("END RequestId: {}", current.id);
        let numbers = report.line(&current.id);
        let failure = report.failure.as_deref();
        let lines: Vec<&str> = failure.into_iter().chain([end.as_str(), &numbers]).collect();
        self.add(&mut current, &lines);
        current.tail.clone()
    }

    /// The last line of the log.
    pub(super) fn last_line(&self) -> Option<String> {
        self.current().tail.lines().last().map(str::to_owned)
    }

    /// A line that the function wrote.
    fn line(&self, text: &str) {
        logs::line(&self.log.name, text);
        self.add(&mut self.current(), &[text]);
    }

    fn add(&self, current: &mut Request, lines: &[&str]) {
        self.log.keep(&current.id, lines);
        for line in lines {
            current.tail.push_str(line);
            current.tail.push('\n');
        }
        let mut surplus = current.tail.len().saturating_sub(TAIL_BYTES);
        while !current.tail.is_char_boundary(surplus) {
            surplus += 1;
        }
        current.tail.drain(..surplus);
    }
}

/// What the `REPORT` line says.
#[derive(Debug)]
pub(super) struct Report {
    /// From the moment at which the process took the request to its answer.
    pub(super) duration: Duration,
    /// From the start of the process to its first call of `next`, if this is its first request.
    pub(super) init: Option<Duration>,
    /// `MemorySize`.
    pub(super) memory_mb: u32,
    /// The most memory that the process has had; not every system tells.
    pub(super) peak_mb: Option<u64>,
    /// Lambda's words for a request that ended without an answer or an error of the function.
    pub(super) failure: Option<String>,
    /// `Status` and `Error Type` of such a request.
    pub(super) status: Option<(&'static str, String)>,
}

impl Report {
    fn line(&self, request_id: &str) -> String {
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let billed = (self.duration + self.init.unwrap_or_default())
            .as_micros()
            .div_ceil(1000);
        let mut fields = vec![
            format!("REPORT RequestId: {request_id}"),
            format!("Duration: {:.2} ms", millis(self.duration)),
            format!("Billed Duration: {billed} ms"),
            format!("Memory Size: {} MB", self.memory_mb),
        ];
        fields.extend(self.peak_mb.map(|peak| format!("Max Memory Used: {peak} MB")));
        fields.extend(self.init.map(|init| format!("Init Duration: {:.2} ms", millis(init))));
        if let Some((status, kind)) = &self.status {
            fields.push(format!("Status: {status}"));
            if !kind.is_empty() {
                fields.push(format!("Error Type: {kind}"));
            }
        }
        fields.join("\t")
    }
}

/// The most memory that a process has had, in MB, where `/proc` tells.
pub(super) fn peak_memory_mb(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes.div_ceil(1024))
}

/// Asks a reader to pass on everything that has been written. The reader answers when that is done.
pub(super) type Flush = oneshot::Sender<()>;

/// Passes every line of a process's output on to its journal until the output ends.
pub(super) async fn read(
    journal: Arc<Journal>,
    output: impl AsyncRead + AsFd + Unpin,
    mut flushes: mpsc::Receiver<Flush>,
) {
    let mut reader = BufReader::new(output);
    let mut line = Line {
        journal,
        begun: Vec::new(),
    };
    loop {
        tokio::select! {
            more = line.read(&mut reader) => if !more { break },
            Some(done) = flushes.recv() => {
                // Everything that the function wrote before its answer is in the pipe now, but the reader may not have been
                // woken yet.
                while ioctl_fionread(reader.get_ref()).is_ok_and(|waiting| waiting > 0) {
                    if !line.read(&mut reader).await { break }
                }
                line.end();
                // It fails when the one who asked has gone.
                done.send(()).ok();
            }
        }
    }
    line.end();
}

/// A line that has begun and not ended.
struct Line {
    journal: Arc<Journal>,
    begun: Vec<u8>,
}

impl Line {
    /// Waits for output and takes it; false at the end of the output.
    async fn read(&mut self, reader: &mut BufReader<impl AsyncRead + Unpin>) -> bool {
        let taken = match reader.fill_buf().await {
            Ok([]) | Err(_) => return false,
            Ok(chunk) => {
                for part in chunk.split_inclusive(|byte| *byte == b'\n') {
                    self.begun.extend(part);
                    if part.ends_with(b"\n") || self.begun.len() >= MAX_LINE_BYTES {
                        self.end();
                    }
                }
                chunk.len()
            }
        };
        reader.consume(taken);
        true
    }

    fn end(&mut self) {
        if !self.begun.is_empty() {
            self.journal.line(String::from_utf8_lossy(&self.begun).trim_end());
            self.begun.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            duration: Duration::from_micros(12_340),
            init: Some(Duration::from_micros(20_010)),
            memory_mb: 256,
            peak_mb: Some(19),
            failure: None,
            status: None,
        }
    }

    #[test]
    fn a_request_is_logged_as_lambda_logs_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = FunctionLog::create("f", Some(folder.path())).unwrap();
        let journal = Journal::new(Arc::new(log));
        journal.start("1-2");
        journal.line("hello");
        let tail = journal.end(&report());
        insta::assert_snapshot!(tail.replace('\t', " | "), @r"
        START RequestId: 1-2 Version: $LATEST
        hello
        END RequestId: 1-2
        REPORT RequestId: 1-2 | Duration: 12.34 ms | Billed Duration: 33 ms | Memory Size: 256 MB | Max Memory Used: 19 MB | Init Duration: 20.01 ms
        ");
        let file = std::fs::read_to_string(folder.path().join("f.log")).unwrap();
        let lines: Vec<_> = file.lines().filter_map(|line| line.split_once(' ')).collect();
        assert_eq!(lines[1].1, "1-2 hello");
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn the_tail_is_the_last_4_kb() {
        let journal = Journal::new(Arc::new(FunctionLog::create("f", None).unwrap()));
        journal.start("x");
        for _ in 0..3 {
            journal.add(&mut journal.current(), &[&"ä".repeat(1500)]);
        }
        let tail = journal.end(&report());
        assert!(
            tail.len() <= TAIL_BYTES && tail.len() > TAIL_BYTES - 4,
            "{}",
            tail.len()
        );
        assert!(tail.contains("END RequestId: x") && !tail.contains("START"));
    }
}
