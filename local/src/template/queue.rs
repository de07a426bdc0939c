//! The queues of a template.

use std::{ops::RangeInclusive, time::Duration};

use super::{intrinsics::Scope, known, wrong::Wrong, yaml::Node};
use crate::aws::stand_ins::queue_arn;

/// A standard queue of SQS.
///
/// # Source
/// `CloudFormation` template reference, `AWS::SQS::Queue`: the defaults and the ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// `VisibilityTimeout`: how long a received message is hidden.
    pub visibility: Duration,
    /// `DelaySeconds`: how long a new message is hidden, if its sender asks for no other delay.
    pub delay: Duration,
    /// `MessageRetentionPeriod`: how long a message is kept.
    pub retention: Duration,
    /// `ReceiveMessageWaitTimeSeconds`: how long a receive waits for a message, if it asks for no other time.
    pub wait: Duration,
    /// `RedrivePolicy`.
    pub redrive: Option<Redrive>,
}

/// What becomes of messages that fail again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// Logical id of the queue of dead letters.
    pub dead_letters: String,
    /// `maxReceiveCount`: how often a message is delivered before it is moved there.
    pub receives: u64,
}

/// What a template says of a queue.
///
/// # Errors
/// [`Wrong`], when the local stack can't play it.
pub(super) fn queue(scope: &Scope<'_>, id: &str, properties: Option<&Node>) -> Result<Queue, Wrong> {
    known::only(known::QUEUE, properties, id)?;
    let property = |key: &str| properties.and_then(|all| all.get(key));
    let seconds = |key: &str, default: u64, range: RangeInclusive<u64>| {
        let number = number(scope, property(key), key, range)?;
        Ok(Duration::from_secs(number.unwrap_or(default)))
    };
    let redrive = match property("RedrivePolicy").map(|node| scope.choose(node)).transpose()? {
        Some(Some(policy)) => Some(redrive(scope, id, policy)?),
        _ => None,
    };
    Ok(Queue {
        visibility: seconds("VisibilityTimeout", 30, 0..=43_200)?,
        delay: seconds("DelaySeconds", 0, 0..=900)?,
        retention: seconds("MessageRetentionPeriod", 345_600, 60..=1_209_600)?,
        wait: seconds("ReceiveMessageWaitTimeSeconds", 0, 0..=20)?,
        redrive,
    })
}

fn redrive(scope: &Scope<'_>, id: &str, policy: &Node) -> Result<Redrive, Wrong> {
    let keys = ["deadLetterTargetArn", "maxReceiveCount"];
    known::only(&keys, Some(policy), "RedrivePolicy")?;
    let needed = |key: &str| {
        policy
            .get(key)
            .ok_or_else(|| policy.wrong(format!("RedrivePolicy of {id} needs {key}")))
    };
    let count = needed("maxReceiveCount")?;
    Ok(Redrive {
        dead_letters: of_arn(scope, needed("deadLetterTargetArn")?)?,
        receives: number(scope, Some(count), "maxReceiveCount", 1..=1000)?
            .ok_or_else(|| count.wrong("maxReceiveCount needs a value"))?,
    })
}

/// The logical id of the queue with this ARN.
///
/// # Errors
/// [`Wrong`], when it is not the ARN of a queue here.
pub(super) fn of_arn(scope: &Scope<'_>, node: &Node) -> Result<String, Wrong> {
    let arn = scope.required(node)?;
    let id = arn.strip_prefix(&queue_arn("")).map(str::to_owned);
    id.ok_or_else(|| node.wrong(format!("{arn} is not the ARN of a queue of this template")))
}

/// A whole number in a range, if it is there.
///
/// # Errors
/// [`Wrong`], when it is no number or outside the range.
pub(super) fn number<N>(
    scope: &Scope<'_>,
    node: Option<&Node>,
    key: &str,
    range: RangeInclusive<N>,
) -> Result<Option<N>, Wrong>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let Some(node) = node else { return Ok(None) };
    let Some(text) = scope.text(node)? else {
        return Ok(None);
    };
    let number = text.parse().ok().filter(|number| range.contains(number));
    let (from, to) = (range.start(), range.end());
    number
        .map(Some)
        .ok_or_else(|| node.wrong(format!("{key} is {from} to {to}, and {text} is not")))
}

#[cfg(test)]
mod tests {
    use crate::template::parse;

    #[test]
    fn what_sqs_or_lambda_would_refuse_is_refused_with_its_line() {
        let wrong = |resources: &str| parse(&format!("Resources:\n{resources}")).unwrap_err().to_string();
        let queue = |properties: &str| format!("  Q: {{Type: AWS::SQS::Queue, Properties: {{{properties}}}}}\n");
        insta::assert_snapshot!(wrong(&queue("FifoQueue: true")), @"line 2, column 54: the local stack doesn't know what FifoQueue of Q does");
        insta::assert_snapshot!(wrong(&queue("VisibilityTimeout: 43201")), @"line 2, column 62: VisibilityTimeout is 0 to 43200, and 43201 is not");
        insta::assert_snapshot!(wrong(&queue("RedrivePolicy: {maxReceiveCount: 3}")), @"line 2, column 58: RedrivePolicy of Q needs deadLetterTargetArn");
        let function = |event: &str| {
            format!(
                "  F: {{Type: AWS::Serverless::Function, Metadata: {{BuildProperties: {{Binary: f}}}}, Properties: {{Timeout: 31, Events: {{E: {event}}}}}}}\n"
            )
        };
        let mapped = |more: &str| function(&format!("{{Type: SQS, Properties: {{Queue: !GetAtt Q.Arn{more}}}}}"));
        insta::assert_snapshot!(wrong(&(queue("") + &mapped(""))), @"line 1, column 1: the Timeout of F is longer than the VisibilityTimeout of Q, which Lambda refuses");
        insta::assert_snapshot!(wrong(&(queue("") + &mapped(", BatchSize: 11"))), @"line 3, column 178: BatchSize is 1 to 10, and 11 is not");
        insta::assert_snapshot!(wrong(&mapped("")), @"line 2, column 152: there is no parameter or resource Q");
        let scheduled = |rate: &str| function(&format!("{{Type: Schedule, Properties: {{Schedule: {rate}}}}}"));
        insta::assert_snapshot!(wrong(&scheduled("rate(1 minutes)")), @"line 2, column 160: the local stack knows rates as rate(1 minute) and rate(5 minutes), and no rate(1 minutes)");
    }
}
