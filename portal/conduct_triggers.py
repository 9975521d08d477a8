"""What the database itself does with an agency's word on a complaint: the complaint counts as answered with the words that say so.

An agency's session moves no complaint; it adds what it has to say.
"""

from __future__ import annotations

CONDUCT = """
create or replace function portal_complaint_answered() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  update complaints set status = 'answered'
   where id = new.complaint_id and agency_id = new.agency_id and told_at is not null and status = 'investigating';
  return null;
end $$;
revoke all on function portal_complaint_answered() from public;
drop trigger if exists complaint_answered on complaint_messages;
create trigger complaint_answered after insert on complaint_messages for each row when (new.side = 'agency')
  execute function portal_complaint_answered();

create or replace function portal_fraud_answered() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  update fraud_cases set status = 'replied'
   where id = new.case_id and agency_id = new.agency_id and notice_at is not null and status = 'notice_sent';
  return null;
end $$;
revoke all on function portal_fraud_answered() from public;
drop trigger if exists fraud_answered on fraud_replies;
create trigger fraud_answered after insert on fraud_replies for each row execute function portal_fraud_answered();
"""
