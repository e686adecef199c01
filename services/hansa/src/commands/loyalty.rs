//! Commands for coupons and points: ours, and those of partners that we may book.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Printer, Target};

const SERVICE: &str = "loyalty.v1.LoyaltyStaffService";

/// Where a coupon is good besides our own counters.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Scope {
    /// Nowhere else.
    Own,
    /// At the partner of --link.
    Partner,
    /// At all partners whose grant names the pool.
    Partners,
}

/// A kind of coupon.
#[derive(Args, Debug)]
pub struct Kind {
    /// Its code.
    code: String,
    /// What the customer is told.
    benefit: String,
    /// Of this pool.
    #[arg(long)]
    pool: String,
    /// ISO 4217.
    #[arg(long)]
    currency: String,
    /// Minor units off.
    #[arg(
        long,
        required_unless_present = "permille",
        conflicts_with = "permille",
        default_value_t = 0
    )]
    amount: i64,
    /// Thousandths of the basket off.
    #[arg(long, default_value_t = 0)]
    permille: u32,
    /// At most so many minor units of thousandths.
    #[arg(long, default_value_t = 0)]
    discount_max: i64,
    /// The basket is worth so much at least, minor units.
    #[arg(long, default_value_t = 0)]
    basket_min: i64,
    /// What we pay of the discount to a partner who redeems it, thousandths.
    #[arg(long, default_value_t = 1_000)]
    issuer_permille: u32,
    /// Where it is good besides our own counters.
    #[arg(long, value_enum, default_value_t = Scope::Own)]
    scope: Scope,
    /// The partner of --scope partner.
    #[arg(long, default_value = "")]
    link: String,
    /// It is good from then on: YYYY-MM-DD, or a time of RFC 3339.
    #[arg(long, value_parser = time)]
    from: String,
    /// Until then.
    #[arg(long, value_parser = time)]
    until: String,
    /// At most so many are issued.
    #[arg(long, default_value_t = 0)]
    issued_max: u64,
    #[command(flatten)]
    target: Target,
}

/// A booking that goes on.
#[derive(Args, Debug)]
pub struct Which {
    /// Its id.
    id: String,
    /// The partner whose coupon or member it is; none = ours.
    #[arg(long, default_value = "")]
    link: String,
    #[command(flatten)]
    target: Target,
}

/// Whose points.
#[derive(Args, Debug)]
pub struct Whose {
    /// Our pool.
    #[arg(long, default_value = "")]
    pool: String,
    /// Our member's number.
    #[arg(long, default_value_t = 0)]
    number: u64,
    /// A partner's member: the name on the link.
    #[arg(long, default_value = "")]
    pseudonym: String,
}

impl Whose {
    fn json(&self, points: u64) -> Value {
        json!({"pool": self.pool, "number": self.number, "pseudonym": self.pseudonym, "points": points})
    }
}

/// What points are worth.
#[derive(Args, Debug)]
pub struct Program {
    /// The pool.
    pool: String,
    /// What they are called.
    #[arg(long, default_value = "points")]
    unit: String,
    /// What 1,000 of them are worth, minor units.
    #[arg(long)]
    value: i64,
    /// ISO 4217.
    #[arg(long)]
    currency: String,
    /// Points of whoever has neither got nor used any for so many days are gone; 0 = they stay.
    #[arg(long, default_value_t = 0)]
    idle_days: u32,
    #[command(flatten)]
    target: Target,
}

/// A basket for which something is held.
#[derive(Args, Debug)]
pub struct Hold {
    /// The coupon's code.
    #[arg(long, required_unless_present = "points", conflicts_with = "points")]
    coupon: Option<String>,
    /// So many points.
    #[arg(long)]
    points: Option<u64>,
    #[command(flatten)]
    whose: Whose,
    /// What the basket is worth, minor units.
    #[arg(long)]
    basket: i64,
    /// ISO 4217.
    #[arg(long)]
    currency: String,
    /// The partner whose coupon or member it is; none = ours.
    #[arg(long, default_value = "")]
    link: String,
    /// A UUID; the same again changes nothing.
    #[arg(long, default_value = "")]
    id: String,
    /// For so many seconds.
    #[arg(long)]
    ttl: Option<u32>,
    /// Your own reference.
    #[arg(long, default_value = "")]
    order_ref: String,
    #[command(flatten)]
    target: Target,
}

/// Points that are given.
#[derive(Args, Debug)]
pub struct Credit {
    /// So many.
    points: u64,
    #[command(flatten)]
    whose: Whose,
    /// The partner whose member it is; none = ours.
    #[arg(long, default_value = "")]
    link: String,
    /// A UUID; the same again gives none.
    #[arg(long, default_value = "")]
    id: String,
    /// Your own reference.
    #[arg(long, default_value = "")]
    order_ref: String,
    #[command(flatten)]
    target: Target,
}

/// `hansa loyalty`.
#[derive(Debug, Subcommand)]
pub enum Loyalty {
    /// Say what points of a pool are called and worth.
    Program(Program),
    /// What points are worth, of all pools.
    Programs {
        #[command(flatten)]
        target: Target,
    },
    /// Make a kind of coupon; later its text and its end alone may change.
    Kind(Box<Kind>),
    /// All kinds of coupons, newest first.
    Kinds {
        #[command(flatten)]
        target: Target,
    },
    /// Issue coupons of a kind: to members, one each, or to whoever bears them.
    Issue {
        /// The kind.
        kind: String,
        /// Members of its pool.
        #[arg(required_unless_present = "count")]
        numbers: Vec<u64>,
        /// So many for whoever bears them.
        #[arg(long, conflicts_with = "numbers", default_value_t = 0)]
        count: u32,
        /// From this serial number on: shows again what was issued before.
        #[arg(long, default_value_t = 0)]
        first: u64,
        #[command(flatten)]
        target: Target,
    },
    /// A member's coupons; that you have looked is written down.
    Coupons {
        /// The pool.
        pool: String,
        /// The member's number.
        number: u64,
        #[command(flatten)]
        target: Target,
    },
    /// Take a coupon back that nobody has used.
    Withdraw {
        /// The kind.
        kind: String,
        /// Its serial number.
        serial: u64,
        #[command(flatten)]
        target: Target,
    },
    /// A member's points; that you have looked is written down.
    Points {
        /// The pool.
        pool: String,
        /// The member's number.
        number: u64,
        #[command(flatten)]
        target: Target,
    },
    /// Hold a coupon or points for a basket: until it is confirmed or given back, nobody else can use it.
    Hold(Box<Hold>),
    /// Use up what is held.
    Confirm(Which),
    /// Give back what is held.
    Void {
        #[command(flatten)]
        which: Which,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// The goods came back: take back what was confirmed.
    Reverse {
        #[command(flatten)]
        which: Which,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// What became of a booking.
    Booking(Which),
    /// Give a member points.
    Credit(Credit),
    /// What was booked, newest id first.
    Bookings {
        /// What we have booked at partners; else what was booked of ours.
        #[arg(long)]
        at_partners: bool,
        /// On this link alone.
        #[arg(long, default_value = "")]
        link: String,
        /// The last id of the page before.
        #[arg(long, default_value = "")]
        before: String,
        #[command(flatten)]
        target: Target,
    },
    /// What we and a partner owe each other for a month, and where the two books differ.
    Settlement {
        /// The link.
        link: String,
        /// YYYY-MM, in UTC.
        month: String,
        /// The partner is the issuer: its signed statement is fetched and compared with our books.
        #[arg(long)]
        partner_issues: bool,
        #[command(flatten)]
        target: Target,
    },
}

fn time(text: &str) -> Result<String, String> {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    let whole = if text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    match OffsetDateTime::parse(&whole, &Rfc3339) {
        Ok(_) => Ok(whole),
        Err(_) => Err("YYYY-MM-DD, or a time such as 2026-12-31T23:00:00Z".to_owned()),
    }
}

impl Kind {
    fn json(&self) -> Value {
        let scope = match self.scope {
            Scope::Own => "COUPON_SCOPE_OWN",
            Scope::Partner => "COUPON_SCOPE_PARTNER",
            Scope::Partners => "COUPON_SCOPE_PARTNERS",
        };
        json!({"kind": {
            "code": self.code, "benefit": self.benefit, "pool": self.pool, "currency": self.currency, "amount": self.amount,
            "permille": self.permille, "discountMax": self.discount_max, "basketMin": self.basket_min,
            "issuerPermille": self.issuer_permille, "scope": scope, "linkId": self.link, "validFrom": self.from,
            "validUntil": self.until, "issuedMax": self.issued_max,
        }})
    }
}

impl Program {
    fn json(&self) -> Value {
        json!({"program": {
            "pool": self.pool, "unit": self.unit, "value": self.value, "currency": self.currency, "idleDays": self.idle_days,
        }})
    }
}

impl Hold {
    fn json(&self) -> Value {
        let basket = json!({"amount": self.basket, "currency": self.currency});
        let mut body = json!({"id": self.id, "linkId": self.link, "basket": basket, "orderRef": self.order_ref});
        match (&self.coupon, self.points) {
            (Some(code), _) => body["coupon"] = json!(code),
            (None, points) => body["points"] = self.whose.json(points.unwrap_or(0)),
        }
        if let Some(seconds) = self.ttl {
            body["ttl"] = json!(format!("{seconds}s"));
        }
        body
    }
}

impl Credit {
    fn json(&self) -> Value {
        let points = self.whose.json(self.points);
        json!({"id": self.id, "linkId": self.link, "points": points, "orderRef": self.order_ref})
    }
}

impl Loyalty {
    /// The method that does it, what it is asked, and of whom.
    fn call(self) -> (&'static str, Value, Target) {
        let goes_on = |which: &Which| json!({"id": which.id, "linkId": which.link});
        let because = |which: &Which, reason: String| json!({"id": which.id, "linkId": which.link, "reason": reason});
        match self {
            Self::Program(program) => ("PutProgram", program.json(), program.target),
            Self::Programs { target } => ("ListPrograms", json!({}), target),
            Self::Kind(kind) => ("PutCouponKind", kind.json(), kind.target),
            Self::Kinds { target } => ("ListCouponKinds", json!({}), target),
            Self::Issue {
                kind,
                numbers,
                count,
                first,
                target,
            } => {
                let body = json!({"kind": kind, "numbers": numbers, "count": count, "first": first});
                ("IssueCoupons", body, target)
            }
            Self::Coupons { pool, number, target } => ("ListCoupons", json!({"pool": pool, "number": number}), target),
            Self::Withdraw { kind, serial, target } => {
                ("WithdrawCoupon", json!({"kind": kind, "serial": serial}), target)
            }
            Self::Points { pool, number, target } => ("GetPoints", json!({"pool": pool, "number": number}), target),
            Self::Hold(hold) => ("HoldBooking", hold.json(), hold.target),
            Self::Confirm(which) => ("ConfirmBooking", goes_on(&which), which.target),
            Self::Void { which, reason } => ("VoidBooking", because(&which, reason), which.target),
            Self::Reverse { which, reason } => ("ReverseBooking", because(&which, reason), which.target),
            Self::Booking(which) => ("GetBooking", goes_on(&which), which.target),
            Self::Credit(credit) => ("CreditPoints", credit.json(), credit.target),
            Self::Bookings {
                at_partners,
                link,
                before,
                target,
            } => {
                let body = json!({"atPartners": at_partners, "linkId": link, "before": before, "pageSize": 1_000});
                ("ListBookings", body, target)
            }
            Self::Settlement {
                link,
                month,
                partner_issues,
                target,
            } => {
                let body = json!({"linkId": link, "month": month, "partnerIssues": partner_issues});
                ("CheckSettlement", body, target)
            }
        }
    }

    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = self.call();
        let compared = body["partnerIssues"] == true;
        let answer = target.call(&format!("{SERVICE}/{method}"), body).await?;
        printer.show(&answer);
        let differ = answer["differences"].as_array().map_or(0, Vec::len);
        if compared && differ == 0 {
            printer.remark("Both books agree.");
        }
        Ok(())
    }
}
