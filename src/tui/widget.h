/* SPDX-License-Identifier: Apache-2.0
 *
 * Bars, sparklines, strips of labelled numbers.  Every mark is doubled by a number or a word
 * elsewhere on its line.  Layer: tui. */
#ifndef ET_TUI_WIDGET_H
#define ET_TUI_WIDGET_H

#include "engine-top/snapshot.h"
#include "tui/cell.h"

/* num / den of w columns, in eighths; a part that is not zero shows at least one eighth. */
void et_widget_bar(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
		   enum et_style style, double num, double den);
/* The same on a dotted track that shows where full is. */
void et_widget_progress(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
			enum et_style style, double num, double den);
/* A bar up to `mid` with a whisker from lo to hi, all in units of which `den` fills w columns. */
void et_widget_range(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
		     enum et_style style, double lo, double mid, double hi, double den);
/* The whole series over w columns, oldest left, from 0 to its largest column; newest at the right
 * end.  More points than columns: a column is the mean of as many points as are needed. */
void et_widget_spark(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
		     enum et_style style, const struct et_snapshot *snap,
		     const struct et_row_series *series);

/* One labelled value of a strip. */
struct et_seg {
	const char *label;      /* "" = none */
	char text[200];
	char shorter[48];       /* used when `text` does not fit; "" = drop it at once */
	enum et_style style;    /* of the text */
	unsigned priority;      /* 0 = never dropped; the largest goes first */
	bool is_right;          /* at the right end of the line */
	bool is_list;           /* gives up its last ", item" before all of `text` */
	unsigned room;          /* columns kept for `text` while others still have a longer form:
				 * who is shown shall not depend on the number of the moment */
	struct et_row_series series; /* n > 0: a sparkline in front of the text */
};
#define ET_SEG_SPARK 8 /* columns */

/* Draw as many of them as fit, in order. */
void et_widget_strip(const struct et_canvas *c, unsigned y, const struct et_snapshot *snap,
		     struct et_seg *segs, unsigned n);

#endif
