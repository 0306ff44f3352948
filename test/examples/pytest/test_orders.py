"""Tests of an application that sends, each in a transaction that is rolled back."""
import psycopg2
import pytest


@pytest.fixture
def db():
    connection = psycopg2.connect("")
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.rollback()
        connection.close()


def rows(db, sql, *args):
    db.execute(sql, args)
    return db.fetchall()


def pay(db, order):
    db.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))


def test_who_has_paid_is_told(db):
    pay(db, 1)
    assert rows(db, "SELECT server, recipient, operation_id, message #>> '{vk,templateId}' FROM msgext_test.sent") == [
        ("vk", "79031112233", "order-1-paid", "123456")
    ]


def test_fallback_to_sms(db):
    db.execute("SELECT msgext_test.begin('2030-01-01 12:00Z')")
    pay(db, 1)
    db.execute("SELECT msgext_test.stub('vk', 'retry-after 30', times => 1)")
    assert rows(db, "SELECT * FROM msgext_test.run()") == [(1, 1, "retry-after 30", "queued")]
    assert rows(db, "SELECT * FROM msgext_test.advance('1 min')") == [(1, 2, "accept", "accepted")]
    assert rows(db, "SELECT msgext_test.report(1, 'undelivered', 'vk')") == [("sent",)]
    assert rows(db, "SELECT msgext_test.report(1, 'delivered', 'sms')") == [("delivered",)]


def test_a_note_tells_nobody(db):
    db.execute("UPDATE orders SET note = 'x' WHERE id = 1")
    db.execute("SELECT msgext_test.refute_sent()")


def test_a_failed_assertion_says_what_was_sent(db):
    pay(db, 1)
    with pytest.raises(psycopg2.errors.AssertFailure) as error:
        db.execute("SELECT msgext_test.assert_sent(recipient => '79031112234')")
    assert "recipient is 79031112233, not 79031112234" in error.value.diag.message_detail
