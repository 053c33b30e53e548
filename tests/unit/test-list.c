/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Linked lists: order, removal during iteration, removing twice. */
#include "support/test.h"

#include "base/list.h"

struct item {
	int id;
	struct list_head node;
};

static void collect(struct list_head *head, char *text)
{
	struct list_head *pos;

	list_for_each(pos, head)
		*text++ = (char)('0' + list_entry(pos, struct item, node)->id);
	*text = '\0';
}

static void order_is_kept(void **state)
{
	struct list_head head = LIST_HEAD_INIT(head);
	struct item items[4];
	char text[8];

	(void)state;
	assert_true(list_empty(&head));
	for (int i = 0; i < 4; i++)
		items[i].id = i;
	list_add_tail(&items[1].node, &head);
	list_add_tail(&items[2].node, &head);
	list_add(&items[0].node, &head);
	list_add_tail(&items[3].node, &head);
	collect(&head, text);
	assert_string_equal(text, "0123");
	assert_int_equal(list_first_entry(&head, struct item, node)->id, 0);
	assert_int_equal(list_last_entry(&head, struct item, node)->id, 3);
}

static void removal_is_safe_during_iteration_and_twice(void **state)
{
	struct list_head head, *pos, *n;
	struct item items[6];
	char text[8];

	(void)state;
	list_init(&head);
	for (int i = 0; i < 6; i++) {
		items[i].id = i;
		list_add_tail(&items[i].node, &head);
	}
	list_for_each_safe(pos, n, &head)
		if (list_entry(pos, struct item, node)->id % 2)
			list_del(pos);
	collect(&head, text);
	assert_string_equal(text, "024");
	list_del(&items[2].node);
	list_del(&items[2].node);
	assert_true(list_empty(&items[2].node));
	collect(&head, text);
	assert_string_equal(text, "04");
	list_del(&items[0].node);
	list_del(&items[4].node);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(removal_is_safe_during_iteration_and_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
