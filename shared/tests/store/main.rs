//! What a store must do, on a real server and on a real cluster, and what it does when these fail.
//!
//! Each rule is a function that takes a store of its own. All of them run on one node one by one, and in a row on a cluster with replicas, a password
//! and TLS, and for a user who may not do more than a store needs.

#[cfg(test)]
mod blocks;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod dying;
#[cfg(test)]
mod erasing;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod full;
#[cfg(test)]
mod importing;
#[cfg(test)]
mod inboxes;
#[cfg(test)]
mod later;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod loss;
#[cfg(test)]
mod model;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod oversight;
#[cfg(test)]
mod positions;
#[cfg(test)]
mod pushing;
#[cfg(test)]
mod reactions;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod releases;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod resuming;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod support;
#[cfg(test)]
mod topics;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod zoo;

/// Makes the world and the future of a rule in a stack frame of their own: all of them together are too large for the stack of a test.
#[cfg(test)]
#[inline(never)]
fn on_heap<'a, F: Future<Output = ()>>(
    rule: impl FnOnce(support::World) -> F + 'a,
    world: &'a impl AsyncFn() -> support::World,
) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
    Box::pin(async move { rule(world().await).await })
}

/// Names every rule once, and makes of each a test on one node, and of all of them a function.
#[cfg(test)]
macro_rules! rules {
    ($($module:ident::$rule:ident),+ $(,)?) => {
        mod one_node {
            use crate::support::{Address, World, server};
            $(
                #[tokio::test]
                async fn $rule() {
                    let server = server();
                    crate::$module::$rule(World::new(&Address::of(&server)).await).await;
                }
            )+
        }

        async fn every_rule_holds(world: impl AsyncFn() -> support::World) {
            $(
                println!("{}", stringify!($rule));
                on_heap(crate::$module::$rule, &world).await;
            )+
        }
    };
}

#[cfg(test)]
mod everything {
    use crate::cluster::Cluster;
    use crate::every_rule_holds;
    use crate::support::{Address, World, server};

    #[tokio::test]
    async fn holds_on_a_cluster_with_a_password_and_tls() {
        let cluster = Cluster::whole().await;
        let address = cluster.address(&[0]);
        every_rule_holds(async || World::new(&address).await).await;
        for master in 0..3 {
            assert!(cluster.nodes[master].relay.heard() > 0, "master {master} was asked");
        }
    }

    #[tokio::test]
    async fn holds_where_most_of_a_log_stands_in_segments() {
        let server = server();
        let address = Address::of(&server);
        every_rule_holds(async || World::with_short_segments(&address).await).await;
    }
}

#[cfg(test)]
rules! {
    conversations::positions_are_given_in_order_and_time_never_goes_back,
    conversations::every_window_shows_what_a_list_would,
    conversations::a_conversation_goes_on_where_its_oldest_messages_were_moved_away,
    conversations::only_the_author_edits,
    conversations::an_edit_changes_what_it_names,
    conversations::seen_is_a_position_that_moves_forward,
    conversations::a_deletion_can_be_repeated,
    conversations::a_retry_key_sends_once,
    conversations::a_retry_key_edits_once,
    conversations::many_at_once_get_a_position_each,
    pushing::a_member_is_pushed_to_while_others_are_told,
    pushing::no_member_is_told_later_because_of_a_push,
    segments::a_long_conversation_is_read_and_changed_everywhere,
    segments::no_byte_of_a_message_that_was_moved_away_stays,
    segments::a_log_of_the_last_release_becomes_segments,
    inboxes::the_order_and_the_repetition_of_tellings_do_not_matter,
    inboxes::unread_is_exact,
    inboxes::a_flood_of_deleted_messages_is_counted_exactly,
    inboxes::a_message_that_was_cut_off_is_never_unread_to_its_author,
    inboxes::the_newest_activity_comes_first,
    inboxes::the_newest_message_shows_whatever_its_length,
    resuming::a_cursor_tells_which_conversations_moved,
    resuming::a_page_of_long_messages_ends_early,
    resuming::a_slot_that_was_lost_or_set_back_says_so,
    resuming::a_writer_that_comes_late_sets_nothing_back,
    resuming::changes_are_what_is_newer_than_a_revision,
    resuming::changes_tell_who_has_read,
    resuming::a_conversation_that_was_set_back_says_so_and_goes_on,
    resuming::a_flood_moves_one_entry,
    releases::the_last_release_and_this_one_share_connections,
    releases::the_bytes_of_the_second_edition_are_served,
    releases::the_bytes_of_topics_are_served,
    releases::a_block_of_a_newer_release_holds_and_stays_as_it_is,
    releases::a_report_of_a_newer_release_is_not_resolved,
    releases::an_older_release_shows_what_it_knows_of_a_newer_one,
    releases::an_older_release_copies_what_it_does_not_know,
    releases::the_last_release_leaves_replies_mentions_and_reactions_alone,
    releases::an_older_release_refuses_to_rewrite_a_newer_version,
    topics::who_joins_has_nothing_unread,
    topics::a_repeated_change_of_members_changes_nothing,
    topics::a_repetition_never_stands_for_another_change,
    topics::the_role_decides_who_may_do_what,
    topics::who_has_left_an_open_topic_still_edits_and_deletes_own_messages,
    topics::a_full_topic_takes_nobody_more,
    topics::a_late_telling_never_brings_a_topic_back,
    topics::who_never_was_a_member_gets_no_entry_by_leaving,
    topics::an_empty_topic_stands_in_the_inbox,
    topics::unread_and_mentioned_are_exact_for_each_of_many,
    topics::changes_tell_that_members_have_changed,
    leaving::a_repeated_leaving_tells_nobody,
    leaving::that_somebody_else_has_read_is_no_news,
    leaving::a_leaving_that_was_cut_off_is_completed_when_it_is_repeated,
    leaving::a_late_joining_never_undoes_a_leaving_that_was_repeated,
    positions::a_position_moves_forward_in_a_direct_conversation,
    positions::a_position_moves_forward_in_a_topic,
    positions::seen_moves_the_position_in_a_topic_too,
    positions::nothing_can_be_read_where_nobody_has_written,
    positions::a_stranger_does_not_learn_which_messages_there_are,
    positions::watchers_are_told_of_readers_of_a_topic_alone,
    positions::seen_never_says_less_than_what_was_read,
    blocks::a_blocked_user_cannot_write_but_can_delete,
    blocks::each_side_blocks_for_itself,
    blocks::only_a_blocked_user_sees_the_own_reading,
    blocks::nobody_is_told_that_a_blocked_user_reads,
    blocks::neither_side_sees_the_presence_of_the_other,
    blocks::nobody_is_told_that_a_blocked_user_types,
    blocks::a_block_that_was_cut_off_is_completed_when_it_is_repeated,
    blocks::a_block_and_sends_at_once_agree,
    blocks::blocks_and_removals_at_once_leave_no_block_that_is_not_listed,
    blocks::strangers_are_blocked_too_and_listed_in_pages,
    blocks::a_block_of_a_stranger_counts_as_the_beginning_of_a_conversation,
    blocks::a_user_cannot_block_more_than_the_limit,
    reports::a_report_keeps_the_message_as_it_was,
    reports::a_message_that_was_edited_can_be_reported_again,
    reports::a_user_reports_only_readable_messages_of_others,
    reports::reports_are_listed_in_pages_and_resolved_once,
    reports::a_full_list_of_reports_loses_the_oldest_resolved_one,
    reports::earlier_versions_are_kept_if_the_site_wants_it,
    reports::versions_that_cannot_be_read_take_nothing_else_away,
    reports::a_report_shows_the_versions_that_are_kept,
    reactions::a_reaction_is_given_and_taken_back,
    reactions::an_edit_keeps_reactions_and_a_deletion_takes_them,
    reactions::the_newest_ten_are_named,
    reactions::who_has_left_still_knows_the_own_reaction,
    reactions::a_message_takes_so_many_kinds_and_no_more,
    reactions::a_message_takes_so_many_reactions_and_no_more,
    replies::a_reply_shows_what_it_replies_to_as_it_is_now,
    replies::an_excerpt_is_the_first_hundred_characters,
    replies::a_reply_to_nothing_is_refused,
    replies::only_participants_can_be_mentioned,
    replies::a_retry_key_covers_replies_and_mentions,
    replies::a_repeated_send_shows_what_it_replies_to_as_far_as_its_author_may_see_it,
    settings::what_is_muted_is_left_out_of_the_total,
    settings::what_is_hidden_comes_back_with_a_new_message_only,
    settings::who_leaves_a_hidden_topic_finds_it_nowhere,
    settings::pinned_conversations_come_first,
    settings::repeated_settings_change_nothing,
    settings::settings_of_a_newer_release_stay,
    settings::a_place_pages_an_inbox_that_moves,
    signals::a_connection_types_every_two_seconds_at_the_most,
    signals::a_watch_replaces_the_one_before,
    signals::overlapping_watches_leave_nothing_behind,
    signals::who_watches_a_conversation_is_known_while_it_is_so,
    signals::presence_is_shown_to_whom_one_has_written_and_to_fellow_members,
    signals::a_watch_answers_what_its_user_may_know,
    offline::who_was_watched_by_nobody_is_offline_at_once,
    signals::a_watcher_that_is_gone_is_taken_off_where_it_was_found,
    signals::what_is_fleeting_in_a_conversation_has_a_budget,
    offline::one_function_looks_who_is_due,
    offline::a_look_ends_by_the_clock_and_loses_nobody,
    connections::a_connection_is_known_until_it_is_closed,
    connections::what_has_expired_is_forgotten_in_passing,
    connections::a_young_connection_is_told_from_an_old_one,
    connections::a_connection_is_good_as_long_as_its_token,
    connections::the_handshake_of_a_connection_with_a_short_token_is_known,
    connections::who_connects_learns_which_tokens_were_over_long_ago,
    connections::nothing_fleeting_is_told_after_the_token,
    connections::nobody_forgets_the_connection_of_another,
    connections::one_connection_too_many_ends_the_oldest,
    usage::a_bucket_holds_its_burst_and_fills_by_its_rate,
    usage::all_buckets_are_taken_from_or_none,
    usage::an_idle_user_leaves_nothing,
    usage::a_charge_may_overdraw_a_bucket_and_then_the_user_waits,
    usage::only_the_beginning_of_a_conversation_counts_as_one,
    usage::a_user_reads_the_own_inbox_once_a_second_even_when_requests_are_used_up,
    usage::a_banned_user_reads_and_does_nothing_else,
    usage::tokens_issued_before_a_revocation_are_refused,
    usage::each_connection_has_frames_of_its_own,
    usage::a_handshake_takes_a_request_and_learns_who_is_near_a_limit,
    connections::sites_never_see_each_other,
    oversight::a_ban_is_kept_in_the_slot_of_its_user,
    oversight::a_revocation_only_moves_forward,
    oversight::messages_of_the_platform_are_unread_for_everyone,
    oversight::the_platform_never_becomes_a_member_of_a_topic,
    oversight::deleted_messages_keep_their_place_in_the_history_for_moderators,
    oversight::a_part_of_the_record_ends_where_it_is_full,
    erasing::an_erased_user_leaves_only_the_names_of_direct_conversations,
    erasing::an_erased_user_leaves_nothing_if_direct_conversations_go,
    erasing::a_conversation_of_two_erased_users_goes,
    erasing::an_export_has_everything_of_a_user_once,
    later::the_queue_has_a_job_once,
    later::a_member_without_a_connection_is_told_of_once,
    later::nobody_is_told_of_who_knows_or_does_not_care,
    later::members_of_a_topic_are_told_of_one_by_one,
    later::a_notice_that_failed_is_told_again_under_the_same_id,
    later::what_nobody_handed_over_is_found,
    later::a_send_that_was_refused_leaves_no_promise,
    later::the_platform_is_told_of_reports_and_bans,
    importing::what_is_taken_over_twice_is_there_once,
    importing::what_others_have_changed_takes_nothing_over,
    importing::a_topic_takes_over_members_only_with_messages_and_up_to_its_limit,
    importing::an_old_id_names_a_message_as_long_as_it_is_there,
    retention::what_is_too_old_goes_from_everywhere,
    retention::an_empty_direct_conversation_leaves_the_inbox_until_the_next_message,
    retention::a_removed_message_can_still_be_read_up_to,
    retention::an_empty_topic_stays_with_its_members,
    retention::members_who_were_not_told_are_told_the_next_time,
    retention::each_site_keeps_messages_as_long_as_it_wants,
    retention::a_long_conversation_goes_in_bounded_steps,
    retention::what_is_left_is_as_if_the_rest_had_never_been_there,
}
