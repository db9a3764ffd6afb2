-- What somebody did is a word and data; the room that wrote the line puts them
-- into a sentence.
alter table messages rename column change to word;
-- What the sentence needs, as JSON.
alter table messages add column data text;
-- Whether the visitor reads it too. Only of such lines.
alter table messages add column for_visitor integer not null default 0;

update messages set for_visitor = 1 where word in ('joined', 'resolved', 'ended', 'reopened');
update messages set data = json_object('why', body), body = ''
where word = 'transcript_refused' and body <> '';
update messages set word = case word
    when 'transcript_sent' then 'transcript-queued'
    when 'transcript_taken' then 'transcript-taken'
    when 'transcript_refused' then 'transcript-refused'
    when 'no_reply_needed' then 'no-reply'
    when 'reply_needed' then 'reply'
end
where word in ('transcript_sent', 'transcript_taken', 'transcript_refused', 'no_reply_needed',
    'reply_needed');
