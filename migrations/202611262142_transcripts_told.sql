-- What a room tells in its own words has one form.
update journal
set fact = json_object('event', 'told', 'data', null,
    'word', coalesce((select word from messages where id = journal.seq), 'transcript-queued'))
where json_extract(fact, '$.event') in ('transcript_sent', 'transcript_settled');
