//! How users behave, and the month of traffic that follows.

/// Users of the sample from which averages are taken.
const SAMPLE: u32 = 20_000;

/// What is assumed of users. Every number is an assumption, and the first ones are options.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    /// Messages that an active user sends in a day, in the middle; some send very many.
    pub(crate) messages_a_day: f64,
    /// How long messages are kept, in days.
    pub(crate) retention_days: f64,
    /// The part of a month's users who come on a day.
    pub(crate) daily_part: f64,
    /// How often an active user opens the app in a day, and for how many minutes.
    pub(crate) sessions_a_day: f64,
    pub(crate) session_minutes: f64,
    /// The part of messages that go to a topic; the others go to one user.
    pub(crate) topic_part: f64,
    /// Members of a topic: a Pareto distribution, which has a few huge ones. From 3 to 1,000, with this exponent.
    pub(crate) topic_exponent: f64,
    /// Conversations that a session opens: each asks for a history.
    pub(crate) opened_a_session: f64,
    /// Edits, reactions, deletions and read positions for each message.
    pub(crate) other_writes_a_message: f64,
    /// Frames for typing and presence for each message.
    pub(crate) signals_a_message: f64,
    /// The part of a day's traffic in its busiest hour.
    pub(crate) peak_hour_part: f64,
    /// Conversations of a user.
    pub(crate) conversations: f64,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            messages_a_day: 12.0,
            retention_days: 365.0,
            daily_part: 0.3,
            sessions_a_day: 4.0,
            session_minutes: 8.0,
            topic_part: 0.3,
            topic_exponent: 1.6,
            opened_a_session: 3.0,
            other_writes_a_message: 0.5,
            signals_a_message: 2.0,
            peak_hour_part: 0.1,
            conversations: 20.0,
        }
    }
}

/// A month of traffic; counts are of the whole month.
#[derive(Debug, Clone)]
pub(crate) struct Month {
    pub(crate) users: f64,
    pub(crate) messages: f64,
    pub(crate) other_writes: f64,
    pub(crate) signals: f64,
    pub(crate) reads: f64,
    pub(crate) sessions: f64,
    pub(crate) connection_minutes: f64,
    /// Members who are told of a message, its author included, and how many of them are connected.
    pub(crate) members_a_message: f64,
    pub(crate) connected_a_message: f64,
    pub(crate) stored_messages: f64,
    pub(crate) conversations_a_user: f64,
    /// Turns a month's count into one of a second of the busiest hour.
    pub(crate) peak: f64,
}

impl Month {
    /// The month of so many users. Activity and sizes of topics are drawn for a sample of users, and scaled.
    pub(crate) fn simulate(habits: &Habits, users: f64, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut sent, mut told) = (0.0, 0.0);
        for _ in 0..SAMPLE {
            // Log-normal: the middle user sends as said, one of a hundred ten times as much.
            let mine = habits.messages_a_day * normal(&mut random).exp();
            let members = 3.0 / (1.0 - random.f64()).powf(1.0 / habits.topic_exponent);
            let recipients = if random.f64() < habits.topic_part {
                members.min(1_000.0)
            } else {
                2.0
            };
            sent += mine;
            told += mine * recipients;
        }
        let daily = users * habits.daily_part;
        let messages = daily * sent / f64::from(SAMPLE) * 30.0;
        let sessions = daily * habits.sessions_a_day * 30.0;
        let members_a_message = told / sent;
        // The author is connected. Each other member is so with a chance between two: that of any user in the busiest hour, and one half, because
        // users who talk with each other are often there at the same time.
        let online = habits.daily_part * habits.sessions_a_day * habits.session_minutes / (24.0 * 60.0)
            * 24.0
            * habits.peak_hour_part;
        let connected_a_message = 1.0 + (members_a_message - 1.0) * f64::midpoint(online, 0.5);
        Self {
            users,
            messages,
            other_writes: messages * habits.other_writes_a_message,
            signals: messages * habits.signals_a_message,
            reads: sessions * (habits.opened_a_session + 1.0),
            sessions,
            connection_minutes: sessions * habits.session_minutes,
            members_a_message,
            connected_a_message,
            stored_messages: messages / 30.0 * habits.retention_days,
            conversations_a_user: habits.conversations,
            peak: habits.peak_hour_part / 30.0 / 3_600.0,
        }
    }

    pub(crate) fn pushes(&self) -> f64 {
        (self.messages + self.other_writes) * (self.connected_a_message - 1.0)
    }

    /// Connections at the same time in the busiest hour.
    pub(crate) fn connections(&self) -> f64 {
        self.connection_minutes * self.peak * 60.0
    }

    pub(crate) fn summary(&self) -> String {
        format!(
            "{:.1} million messages a month, {:.1} members and {:.1} connected ones each, {:.0} connections at the peak",
            self.messages / 1e6,
            self.members_a_message,
            self.connected_a_message,
            self.connections()
        )
    }
}

/// A number of the standard normal distribution (Box and Muller).
fn normal(random: &mut fastrand::Rng) -> f64 {
    let (one, other) = (1.0 - random.f64(), random.f64());
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}
