//! Whether a version works.

use probes::{Answer, PROBES, Probe, Problem, Way};
use shared::adapters::clock::SystemClock;
use shared::adapters::deployments::{Deployments, Invoked, Target};
use shared::error::Chain;
use shared::ports::Clock as _;

/// Whether the version that a deployment is about to give traffic answers every probe of its function. The log says why not. Without a token,
/// signed probes are left out.
pub(crate) async fn works(deployments: &Deployments, token: Option<&str>, deployment: &str) -> bool {
    let target = match deployments.target(deployment).await {
        Ok(target) => target,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "the version of the deployment is not known");
            return false;
        }
    };
    let probes = PROBES.iter().filter(|probe| is_of(&target.function, probe.function));
    let mut probes = probes.filter(|probe| token.is_some() || !probe.signed).peekable();
    if probes.peek().is_none() {
        tracing::error!(function = target.function, "there are no probes for this function");
        return false;
    }
    let way = Invoke {
        deployments,
        target: &target,
        token,
    };
    let mut is_good = true;
    for probe in probes {
        if let Err(problem) = probe.run(&way).await {
            let (function, version) = (&target.function, &target.version);
            tracing::error!(function, version, problem = %problem, "this version gets no traffic");
            is_good = false;
        }
    }
    if is_good {
        tracing::info!(
            function = target.function,
            version = target.version,
            "this version works"
        );
    }
    is_good
}

/// Whether a name in Lambda is that of our function: `{stack}-{logical id}-{random}`, and the logical id is our name with a capital.
///
/// # Source
/// CloudFormation User Guide, "Name type": a generated name is the stack's name, the logical id and a unique id.
fn is_of(name: &str, function: &str) -> bool {
    let mut parts = name.rsplit('-');
    let random = parts.next().unwrap_or_default();
    // A short name is that of the local stack, which has no generated names.
    parts.next().unwrap_or(random).eq_ignore_ascii_case(function)
}

/// Asks a version by Lambda's Invoke: the API would lead to the old one.
struct Invoke<'a> {
    deployments: &'a Deployments,
    target: &'a Target,
    token: Option<&'a str>,
}

impl Way for Invoke<'_> {
    async fn ask(&self, probe: &Probe) -> Result<Answer, Problem> {
        let token = self.token.filter(|_| probe.signed);
        let event = probe.call.event(token, SystemClock.now_ms());
        match self.deployments.invoke(self.target, &event).await {
            Ok(Invoked::Answered(payload)) => Ok(Answer::of_payload(&payload)),
            Ok(Invoked::Failed(said, log)) => Err(Problem::of_a_failed_function(&said, &log)),
            Err(error) => Err(Problem::new(
                Chain(&error).to_string(),
                "the function check may not invoke this version, or Lambda throttles",
                "look at the role of the function check, and at the concurrency of the account",
            )),
        }
    }
}
