//! Prices in dollars, in us-east-1, without free tiers. They were read on the date in [`SOURCES`] and not paid.

/// Where each price is from. Printed with every result.
pub(crate) const SOURCES: &str = "\
Prices, without free tiers and discounts, in us-east-1:
  read on 2026-11-27 in copies of these pages: ElastiCache Serverless for Valkey $0.084 a GB-hour, $0.0023 a million ECPU, 1 ECPU for a KB
  (usage.ai/blogs/aws/database-savings-plans/elasticache/serverless-pricing, of June 2026); AppSync Events $1.00 a million operations (AWS price list
  of 2024-09-01, AWSAppSync.csv) and $0.08 a million connection minutes; Ably $399 a month for its Pro package (ably.com/docs/pricing), $2.50 a million
  messages (ably.com/pricing/full-calculator)
  known from AWS's price pages, and not read again: Lambda on arm64 $0.20 a million requests and $0.0000133334 a GB-second; HTTP API $1.00 a million;
  WebSocket API $1.00 a million messages and $0.25 a million connection minutes; Valkey on cache.r7g.xlarge $0.3496 an hour; CloudWatch Logs $0.50 a GB;
  data to the internet $0.09 a GB; DynamoDB on demand $0.625 a million writes, $0.125 a million reads, $0.25 a GB-month
  remembered from 2025, and not in any page that could be read: Ably's minutes, $1.00 a million of connections and of channels; Stream Chat $499 for 10,000
  users, $0.09 for each more up to 50,000; Sendbird $399 for 5,000, $0.10 for each more up to 50,000. Check them before you decide.";

pub(crate) const LAMBDA_REQUEST: f64 = 0.20e-6;
pub(crate) const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
pub(crate) const HTTP_REQUEST: f64 = 1.00e-6;
pub(crate) const SOCKET_MESSAGE: f64 = 1.00e-6;
pub(crate) const SOCKET_MINUTE: f64 = 0.25e-6;
pub(crate) const CACHE_GB_HOUR: f64 = 0.084;
pub(crate) const CACHE_ECPU: f64 = 0.0023e-6;
pub(crate) const CACHE_NODE_HOUR: f64 = 0.3496;
pub(crate) const LOGS_GB: f64 = 0.50;
pub(crate) const INTERNET_GB: f64 = 0.09;

pub(crate) const ABLY_PACKAGE: f64 = 399.0;
pub(crate) const ABLY_MESSAGE: f64 = 2.50e-6;
pub(crate) const ABLY_MINUTE: f64 = 1.00e-6;
pub(crate) const EVENTS_OPERATION: f64 = 1.00e-6;
pub(crate) const EVENTS_MINUTE: f64 = 0.08e-6;
pub(crate) const TABLE_WRITE: f64 = 0.625e-6;
pub(crate) const TABLE_READ: f64 = 0.125e-6;
pub(crate) const TABLE_GB: f64 = 0.25;

/// A plan by monthly active users: its price, the users in it, each user more, and where the list ends.
pub(crate) struct Plan {
    pub(crate) price: f64,
    pub(crate) users: f64,
    pub(crate) more: f64,
    pub(crate) ends: f64,
}

pub(crate) const STREAM: Plan = Plan {
    price: 499.0,
    users: 10_000.0,
    more: 0.09,
    ends: 50_000.0,
};
pub(crate) const SENDBIRD: Plan = Plan {
    price: 399.0,
    users: 5_000.0,
    more: 0.10,
    ends: 50_000.0,
};
