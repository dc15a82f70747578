/* hub/core/kept.h - sessions that outlive their connection and the hub (MQTT clean = 0), as
 * documents of the store: what they are subscribed to. Private to the room. Loop thread. */
#ifndef HUB_CORE_KEPT_H
#define HUB_CORE_KEPT_H

#include "hub/core/internal.h"

/** A session begins: a kept one is found or made, or, without @p keep, deleted.
 * @return whether one is being deleted */
bool hub_kept_open(struct hub_client *client, bool keep);
/** The client's features; @p done when they are on disk. */
void hub_kept_save(struct hub_session *session, hub_done *done, void *arg);
/** @p done when the one that was deleted is so on disk. */
void hub_kept_forget(struct hub_session *session, hub_done *done, void *arg);

#endif
