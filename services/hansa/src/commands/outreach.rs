//! Commands for how people become members, are asked and are written to.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{Printer, Target, pool::having};

const SERVICE: &str = "outreach.v1.OutreachStaffService";
/// Members of one message.
const MESSAGE_MAX: usize = 500;

/// A way to become a member.
#[derive(Args, Debug)]
pub struct Way {
    /// Its code.
    code: String,
    /// What people read at the top of the page.
    title: String,
    /// Our pool.
    #[arg(long)]
    pool: String,
    /// Language of the page, a tag of BCP 47.
    #[arg(long, default_value = "en")]
    language: String,
    /// Country of phones that are written without its code, as in CN.
    #[arg(long, default_value = "")]
    region: String,
    /// A field of the pool that people are asked for; may be given several times.
    #[arg(long = "field")]
    fields: Vec<String>,
    /// Who brings people by it, as you call them.
    #[arg(long, default_value = "")]
    guide: String,
    /// Hash of our notice: may we tell the partner.
    #[arg(long, default_value = "")]
    notice: String,
    /// The partner's pool that they may become members of as well.
    #[arg(long, default_value = "")]
    partner_pool: String,
    /// Nobody enrols by it any more.
    #[arg(long)]
    ended: bool,
    #[command(flatten)]
    target: Target,
}

/// Somebody at the counter.
#[derive(Args, Debug)]
pub struct Enrol {
    /// The way.
    way: String,
    /// Their phone.
    #[arg(long, default_value = "", required_unless_present = "email")]
    phone: String,
    /// Their mail address.
    #[arg(long, default_value = "")]
    email: String,
    /// name=value; may be given several times.
    #[arg(long = "field", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// They become a member of ours.
    #[arg(long)]
    own: bool,
    /// They agree that we tell the partner.
    #[arg(long)]
    share: bool,
    /// They become a member of the partner's.
    #[arg(long)]
    partner: bool,
    /// They agree that the partner tells us.
    #[arg(long)]
    partner_share: bool,
    /// Whoever brings them; none = the way's.
    #[arg(long, default_value = "")]
    guide: String,
    #[command(flatten)]
    target: Target,
}

/// Members are asked to agree to something.
#[derive(Args, Debug)]
pub struct Invite {
    /// Their pool.
    pool: String,
    /// Hash of the notice.
    #[arg(long)]
    notice: String,
    /// Of the mail.
    #[arg(long)]
    subject: String,
    /// What they read above the notice.
    #[arg(long)]
    text: String,
    /// Who has not answered is reminded once after so many days; 0 = not.
    #[arg(long, default_value_t = 0)]
    remind_after_days: u32,
    /// At most so many members; 0 = all.
    #[arg(long, default_value_t = 0)]
    members_max: u64,
    /// A UUID; the same again changes nothing.
    #[arg(long, default_value = "")]
    id: String,
    #[command(flatten)]
    target: Target,
}

/// A message to members of a partner's.
#[derive(Args, Debug)]
pub struct Send {
    /// The link to the partner.
    #[arg(long)]
    link: String,
    /// Its pool.
    #[arg(long)]
    partner_pool: String,
    /// What its members have agreed to.
    #[arg(long)]
    purpose: String,
    /// Of the mail.
    #[arg(long)]
    subject: String,
    /// What it says.
    #[arg(long)]
    text: String,
    /// A tag of BCP 47.
    #[arg(long, default_value = "en")]
    language: String,
    /// A UUID; the same again changes nothing.
    #[arg(long, default_value = "")]
    id: String,
    /// Members, by their names on the link: `pool matched` shows them.
    #[arg(required_unless_present = "having")]
    pseudonyms: Vec<String>,
    /// Or a segment: all members of both of whom this was released, as in city=Lübeck; may be given several times.
    #[arg(long, value_parser = having, conflicts_with = "pseudonyms", requires = "pool")]
    having: Vec<(String, String)>,
    /// Our pool, of a segment.
    #[arg(long)]
    pool: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Send {
    fn json(&self, pseudonyms: &[String]) -> Value {
        json!({
            "id": self.id, "linkId": self.link, "partnerPool": self.partner_pool, "purpose": self.purpose,
            "subject": self.subject, "text": self.text, "language": self.language, "pseudonyms": pseudonyms,
        })
    }

    /// To all who are in the segment now: a message for every 500 of them.
    async fn to_segment(&self, printer: Printer) -> anyhow::Result<()> {
        let having: Map<_, _> = self
            .having
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let mut asked = json!({
            "linkId": self.link, "partnerPool": self.partner_pool, "purpose": self.purpose, "pool": self.pool,
            "having": having, "pageSize": 1_000,
        });
        let mut names = Vec::new();
        loop {
            let page = self
                .target
                .call("members.v1.MembersStaffService/ListMatched", asked.clone())
                .await?;
            let members = page["members"].as_array().into_iter().flatten();
            names.extend(members.filter_map(|one| one["pseudonym"].as_str().map(str::to_owned)));
            if page["nextAfter"].as_str().is_none_or(|next| next == "0") {
                break;
            }
            asked["after"] = page["nextAfter"].clone();
        }
        anyhow::ensure!(!names.is_empty(), "nobody is in this segment");
        let several = names.len() > MESSAGE_MAX;
        anyhow::ensure!(
            !several || self.id.is_empty(),
            "{} members take several messages: leave --id out",
            names.len()
        );
        for some in names.chunks(MESSAGE_MAX) {
            let answer = self
                .target
                .call(&format!("{SERVICE}/SendPartnerMessage"), self.json(some))
                .await?;
            printer.show(&answer);
        }
        Ok(())
    }
}

/// `hansa outreach`.
#[derive(Debug, Subcommand)]
pub enum Outreach {
    /// Make a way to become a member: one QR code, one page; or change it.
    Way(Box<Way>),
    /// All ways, with the address of each page.
    Ways {
        #[command(flatten)]
        target: Target,
    },
    /// Enrol somebody who stands at the counter and has shown who they are.
    Enrol(Box<Enrol>),
    /// What came of a way: shown, joined, agreed, bought; by guide.
    Funnel {
        /// The way.
        way: String,
        #[command(flatten)]
        target: Target,
    },
    /// What came of whom we have enrolled at a partner, as far as it may tell.
    PartnerFunnel {
        /// The link to the partner.
        link: String,
        /// Its pool.
        partner_pool: String,
        /// Our way; none = all.
        #[arg(long, default_value = "")]
        way: String,
        #[command(flatten)]
        target: Target,
    },
    /// The address of a member's own page: who holds what of them, to take it back.
    Page {
        /// The pool.
        pool: String,
        /// The member's number.
        number: u64,
        #[command(flatten)]
        target: Target,
    },
    /// When members of a pool are left alone, and how many messages they get at most.
    Courtesy {
        /// The pool.
        pool: String,
        /// IANA, such as Asia/Shanghai.
        #[arg(long)]
        zone: String,
        /// No mail goes out from then, HH:MM,
        #[arg(long, default_value = "20:00")]
        quiet_from: String,
        /// until then.
        #[arg(long, default_value = "08:00")]
        quiet_until: String,
        /// Most messages to one member,
        #[arg(long, default_value_t = 4)]
        messages_max: u32,
        /// in so many days.
        #[arg(long, default_value_t = 30)]
        within_days: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Ask members by mail to agree to a notice: those who were never asked.
    Invite(Box<Invite>),
    /// No more mails of a run go out.
    Stop {
        /// The run.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Invitations, and messages of partners, newest first.
    Runs {
        #[command(flatten)]
        target: Target,
    },
    /// Have a partner send a message to members of its pool whom we know by name.
    Send(Box<Send>),
    /// What has become of it.
    Reach {
        /// The link to the partner.
        link: String,
        /// The message.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Way {
    fn json(&self) -> Value {
        json!({"way": {
            "code": self.code, "title": self.title, "pool": self.pool, "language": self.language, "region": self.region,
            "fields": self.fields, "guide": self.guide, "noticeHash": self.notice, "partnerPool": self.partner_pool, "ended": self.ended,
        }})
    }
}

impl Enrol {
    fn json(&self) -> Value {
        let fields = self.fields.iter().map(|(name, value)| (name.clone(), json!(value)));
        let fields: Map<_, _> = fields.collect();
        json!({
            "way": self.way, "phone": self.phone, "email": self.email, "fields": fields, "own": self.own, "share": self.share,
            "partner": self.partner, "partnerShare": self.partner_share, "guide": self.guide,
        })
    }
}

impl Outreach {
    /// The method that does it, what it is asked, and of whom.
    fn call(self) -> (&'static str, Value, Target) {
        match self {
            Self::Way(way) => ("PutWay", way.json(), way.target),
            Self::Ways { target } => ("ListWays", json!({}), target),
            Self::Enrol(enrol) => ("EnrolPerson", enrol.json(), enrol.target),
            Self::Funnel { way, target } => ("GetFunnel", json!({"way": way}), target),
            Self::PartnerFunnel {
                link,
                partner_pool,
                way,
                target,
            } => {
                let body = json!({"linkId": link, "partnerPool": partner_pool, "way": way});
                ("GetPartnerFunnel", body, target)
            }
            Self::Page { pool, number, target } => ("GetMemberPage", json!({"pool": pool, "number": number}), target),
            Self::Courtesy {
                pool,
                zone,
                quiet_from,
                quiet_until,
                messages_max,
                within_days,
                target,
            } => {
                let courtesy = json!({
                    "pool": pool, "zone": zone, "quietFrom": quiet_from, "quietUntil": quiet_until, "messagesMax": messages_max,
                    "withinDays": within_days,
                });
                ("PutCourtesy", json!({"courtesy": courtesy}), target)
            }
            Self::Invite(one) => {
                let body = json!({
                    "id": one.id, "pool": one.pool, "noticeHash": one.notice, "subject": one.subject, "text": one.text,
                    "remindAfterDays": one.remind_after_days, "membersMax": one.members_max,
                });
                ("StartInvitations", body, one.target)
            }
            Self::Stop { id, target } => ("StopRun", json!({"id": id}), target),
            Self::Runs { target } => ("ListRuns", json!({}), target),
            Self::Send(send) => ("SendPartnerMessage", send.json(&send.pseudonyms), send.target),
            Self::Reach { link, id, target } => ("GetPartnerReach", json!({"linkId": link, "id": id}), target),
        }
    }

    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        if let Self::Send(send) = &self
            && !send.having.is_empty()
        {
            return send.to_segment(printer).await;
        }
        let (method, body, target) = self.call();
        let answer = target.call(&format!("{SERVICE}/{method}"), body).await?;
        printer.show(&answer);
        // The way's page as a QR code, for a counter.
        match answer["way"]["address"].as_str() {
            Some(address) if !address.is_empty() => printer.picture(address),
            _ => Ok(()),
        }
    }
}
