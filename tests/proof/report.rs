//! What a proof has shown.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;

use anyhow::Result;
use tests::Stack;
use tests::follower::Tally;

use crate::check::{Finding, Kind};
use crate::client::Client;
use crate::ledger::Ledger;

/// How many findings of a kind are printed.
const SHOWN: usize = 10;

/// The numbers, and what is wrong.
#[derive(Debug)]
pub(crate) struct Report {
    injected: BTreeMap<String, u64>,
    acknowledged: BTreeMap<&'static str, u64>,
    tally: Tally,
    /// What those in JavaScript have been through, how many they are, and why there are none.
    javascript: (Tally, usize, Option<String>),
    findings: Vec<Finding>,
    cluster: bool,
}

impl Report {
    /// Counts what happened.
    pub(crate) async fn new(
        ledger: &Ledger,
        findings: Vec<Finding>,
        injected: BTreeMap<String, u64>,
        clients: &[Client],
        skipped: Option<String>,
        cluster: bool,
    ) -> Result<Self> {
        let mut tally = Tally::default();
        let mut javascript = (Tally::default(), 0, skipped);
        for client in clients {
            let one = client.tally().await?;
            let sum = match client {
                Client::Rust(_) => &mut tally,
                Client::JavaScript(_) => &mut javascript.0,
            };
            javascript.1 += usize::from(matches!(client, Client::JavaScript(_)));
            sum.connections += one.connections;
            sum.recovered += one.recovered;
            sum.reloaded += one.reloaded;
            sum.gaps += one.gaps;
            sum.unknown += one.unknown;
        }
        Ok(Self {
            injected,
            acknowledged: ledger.counts.clone(),
            tally,
            javascript,
            findings,
            cluster,
        })
    }

    /// Whether every promise was kept. A cluster copies to its replicas after it has answered, so it may lose what it acknowledged.
    pub(crate) fn is_good(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| self.cluster && finding.kind == Kind::Lost)
    }

    /// Keeps the stack's log, if there is something to be found in it.
    pub(crate) fn keep_log(&self, stack: &Stack, seed: u64) -> Result<()> {
        if !self.findings.is_empty() {
            let path = std::env::temp_dir().join(format!("senna-proof-{seed}.log"));
            std::fs::write(&path, stack.log())?;
            line(format_args!("the stack's log is in {}", path.display()));
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: Vec<(&str, u64)>| {
            let parts: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            parts.join(", ")
        };
        let injected = self
            .injected
            .iter()
            .map(|(kind, count)| (kind.as_str(), *count))
            .collect();
        let acknowledged = self.acknowledged.iter().map(|(kind, count)| (*kind, *count)).collect();
        let Tally {
            connections,
            recovered,
            reloaded,
            gaps,
            unknown,
        } = self.tally;
        writeln!(f, "faults         {}", list(injected))?;
        writeln!(f, "acknowledged   {}", list(acknowledged))?;
        writeln!(
            f,
            "clients        connections {connections}, resumed {recovered}, reloaded {reloaded}, gaps closed {gaps}, told to connect again {unknown}"
        )?;
        match &self.javascript {
            (_, _, Some(why)) => writeln!(f, "in JavaScript  SKIPPED: {why}")?,
            (tally, count, None) => {
                let Tally {
                    connections,
                    recovered,
                    reloaded,
                    unknown,
                    ..
                } = tally;
                writeln!(
                    f,
                    "in JavaScript  clients {count}, connections {connections}, resumed {recovered}, reloaded {reloaded}, told to connect again {unknown}"
                )?;
            }
        }
        for kind in Kind::ALL {
            let of_kind: Vec<&Finding> = self.findings.iter().filter(|finding| finding.kind == kind).collect();
            let note = if self.cluster && kind == Kind::Lost {
                " (by asynchronous replication)"
            } else {
                ""
            };
            writeln!(f, "{:<24}{}{note}", kind.name(), of_kind.len())?;
            for finding in of_kind.iter().take(SHOWN) {
                writeln!(f, "  {}", finding.what)?;
            }
        }
        Ok(())
    }
}

/// Prints a line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    // Nobody reads it any more when this fails.
    writeln!(std::io::stdout(), "{text}").ok();
}
