//! How the stack is told to stop.

use std::io;

use tokio::sync::mpsc;

use crate::machine::logs;

/// Every way in which a user, a terminal or a script asks the stack to stop.
#[derive(Debug)]
pub struct StopSignal(mpsc::Receiver<()>);

impl StopSignal {
    /// Begins to listen for Ctrl-C, SIGTERM and SIGHUP, and with `with_stdin` for the end of standard input.
    pub fn new(with_stdin: bool) -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let (sender, receiver) = mpsc::channel(1);
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            match signal(kind) {
                Ok(mut signal) => {
                    let sender = sender.clone();
                    tokio::spawn(
                        async move { while signal.recv().await.is_some() && sender.send(()).await.is_ok() {} },
                    );
                }
                Err(error) => logs::stack(format_args!("can't listen to signals: {error}")),
            }
        }
        if with_stdin {
            // A thread of our own: nothing can interrupt a read of standard input, and the runtime would wait for its own
            // thread at the end.
            std::thread::spawn(move || {
                io::copy(&mut io::stdin(), &mut io::sink()).ok();
                sender.blocking_send(()).ok();
            });
        }
        Self(receiver)
    }

    /// Waits until the stack is asked to stop, once for each time.
    pub async fn asked(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
