//! The routes of the platform's server. `template.yaml` lists each of them too.

use shared::adapters::directory::KEPT_MS;
use shared::app::{self, Eraser, Platform};
use shared::domain::limits::PLATFORM_PAGE_BYTES;
use shared::error::ApiError;
use shared::runtime::platform::PlatformRequest;
use shared::runtime::rest::Answer;
use shared::wire::{
    self, BanAnswer, DeletedAnswer, EntryAnswer, ErasureAnswer, MemberAnswer, ProfileAnswer, RecordedAnswer,
    ReportJson, ReportsAnswer, RequestBody, RevokedAnswer,
};

/// Carries out a request of the platform's server.
pub(crate) async fn handle(eraser: Eraser<'_>, request: PlatformRequest) -> Result<Answer, ApiError> {
    let platform = eraser.platform;
    match request.route() {
        "POST /platform/users/{user}/messages/{target}/{id}" => send(platform, &request).await,
        "GET /platform/conversations/{target}/{a}/{b}" => read(platform, &request).await,
        "DELETE /platform/messages/{target}/{a}/{b}/{message_id}" => delete(platform, &request).await,
        "PUT /platform/topics/{id}/members/{user}" => put_member(platform, &request).await,
        "DELETE /platform/topics/{id}/members/{user}" => remove_member(platform, &request).await,
        "GET /platform/users/{user}/ban" => {
            let user = request.user()?;
            let ban = platform.ban_of(&user).await?;
            Ok(Answer::ok(&BanAnswer::new(&user, ban)))
        }
        "PUT /platform/users/{user}/ban" => ban(platform, &request).await,
        "DELETE /platform/users/{user}/ban" => {
            let user = request.user()?;
            platform.unban(&user).await?;
            Ok(Answer::ok(&BanAnswer::new(&user, None)))
        }
        "POST /platform/users/{user}/revoke" => {
            let user = request.user()?;
            let at_ms = platform.revoke(&user.id).await?;
            Ok(Answer::ok(&RevokedAnswer::new(&user, at_ms)))
        }
        "GET /platform/users/{user}/export" => {
            let (user, place) = (request.user()?, request.export_place()?);
            let page = app::export(eraser, &user, place).await?;
            // Relative to the address of this page (RFC 3986, section 4.2), whatever stands before it.
            let next = page.next.as_ref().map(|next| format!("?after={next}"));
            Ok(Answer::lines(wire::export_lines(&user, &page), next))
        }
        "POST /platform/users/{user}/erase" => {
            let conversations = RequestBody::parse_optional(request.rest().body()?)?.conversations()?;
            let erasure = eraser.ask(&request.user()?, conversations).await?;
            Ok(Answer::accepted(&ErasureAnswer::new(&erasure)))
        }
        "GET /platform/users/{user}/erase" => {
            let erasure = eraser.erasure(&request.user()?).await?;
            Ok(Answer::ok(&ErasureAnswer::new(&erasure)))
        }
        "GET /platform/reports" => {
            let (of, window) = (request.reports_of()?, request.rest().time_window()?);
            let page = app::reports(platform.moderation, request.domain(), of, &window).await?;
            Ok(Answer::ok(&ReportsAnswer::new(&page, PLATFORM_PAGE_BYTES)))
        }
        "POST /platform/reports/{id}/resolve" => {
            let note = RequestBody::parse_optional(request.rest().body()?)?.note()?;
            let id = request.report_id()?;
            let report = app::resolve(platform.moderation, request.domain(), id, note.as_ref()).await?;
            Ok(Answer::ok(&ReportJson::new(&report)))
        }
        // There is nothing to do: no process keeps a profile longer than the answer says.
        "POST /platform/users/{user}/profile-changed" => Ok(Answer::ok(&ProfileAnswer::new(&request.user()?, KEPT_MS))),
        _ => Err(ApiError::RouteNotFound),
    }
}

async fn send(platform: Platform<'_>, request: &PlatformRequest) -> Result<Answer, ApiError> {
    let (user, target) = (request.user()?, request.rest().target()?);
    let retry_key = request.rest().idempotency_key()?;
    let body = RequestBody::parse(request.rest().body()?)?;
    let (draft, as_system) = (body.to_draft(retry_key)?, body.system()?);
    let outcome = platform.send(&user, &target, &draft, as_system).await?;
    Ok(Answer::created(&EntryAnswer::new(&user, &outcome)))
}

async fn read(platform: Platform<'_>, request: &PlatformRequest) -> Result<Answer, ApiError> {
    let (user, target) = request.conversation()?;
    let (after, page) = (request.after()?, request.rest().page()?);
    let (conversation, recorded, versions) = platform.recorded(&user, &target, after, page.per_page).await?;
    let answer = RecordedAnswer::new(&user, &conversation, &recorded, &versions, PLATFORM_PAGE_BYTES);
    Ok(Answer::ok(&answer))
}

async fn delete(platform: Platform<'_>, request: &PlatformRequest) -> Result<Answer, ApiError> {
    let (user, target) = request.conversation()?;
    let outcome = platform.delete(&user, &target, &request.rest().message_id()).await?;
    Ok(Answer::ok(&DeletedAnswer::new(&user, &outcome)))
}

async fn put_member(platform: Platform<'_>, request: &PlatformRequest) -> Result<Answer, ApiError> {
    let (member, topic) = (request.user()?, request.rest().topic()?);
    let role = RequestBody::parse_optional(request.rest().body()?)?.role()?;
    let outcome = platform.put_member(request.domain(), &topic, &member.id, role).await?;
    Ok(Answer::ok(&MemberAnswer::new(&member, &outcome)))
}

async fn remove_member(platform: Platform<'_>, request: &PlatformRequest) -> Result<Answer, ApiError> {
    let (member, topic) = (request.user()?, request.rest().topic()?);
    let outcome = platform.remove_member(request.domain(), &topic, &member.id).await?;
    Ok(Answer::ok(&MemberAnswer::new(&member, &outcome)))
}

async fn ban(platform: Platform<'_>, request: &PlatformRequest) -> Result<Answer, ApiError> {
    let user = request.user()?;
    let ban = RequestBody::parse_optional(request.rest().body()?)?.ban()?;
    platform.ban(&user, &ban).await?;
    Ok(Answer::ok(&BanAnswer::new(&user, Some(ban))))
}
