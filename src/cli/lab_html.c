/* SPDX-License-Identifier: MIT */
/* inuse lab --html FILE: gathers the runs and writes the page at the end. */
#include "cli/lab_html.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/gettext.h"
#include "compat/system.h"
#include "host/host.h"
#include "lab/html_page.h"
#include "lab/live.h"

struct iu_lab_html {
	const char *path;
	struct iu_html_page *page;
	int64_t began_ns;
	int64_t when_s;
	bool failed;           /* memory ran out: runs are missing */
};

struct iu_lab_html *iu_lab_html_new(const char *path, struct inuse_error *error)
{
	struct iu_lab_html *html;

	if (iu_html_file_check(path, error) != INUSE_OK)
		return NULL;
	html = calloc(1, sizeof(*html));
	if (html != NULL)
		html->page = iu_html_page_new();
	if (html == NULL || html->page == NULL) {
		free(html);
		iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
		return NULL;
	}
	html->path = path;
	html->when_s = (int64_t)time(NULL);
	html->began_ns = iu_host_now();
	return html;
}

void iu_lab_html_free(struct iu_lab_html *html)
{
	if (html == NULL)
		return;
	iu_html_page_free(html->page);
	free(html);
}

void iu_lab_html_add(struct iu_lab_html *html, const json_t *run)
{
	html->failed |= iu_html_page_add(html->page, run) != INUSE_OK;
}

enum inuse_status iu_lab_html_write(struct iu_lab_html *html, const char *system, bool kernel, struct inuse_error *error)
{
	struct iu_html_facts facts = {.when_s = html->when_s, .system = system, .root = iu_system_sees_all(), .kernel = ""};
	struct iu_text text = {0};
	char shown[256];
	enum inuse_status status;

	facts.took_ms = (iu_host_now() - html->began_ns) / 1000000;
	if (kernel)
		facts.kernel = iu_live_system(shown, sizeof(shown));
	if (html->failed)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	status = iu_html_page_write(html->page, &facts, &text, error);
	if (status == INUSE_OK)
		status = iu_html_file_write(html->path, &text, error);
	iu_text_done(&text);
	return status;
}
